"""What people look at: tables, plots and cards."""
