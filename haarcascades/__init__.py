"""OpenCV's Haar cascades, as data; see LICENSE and SHA256SUMS beside this file."""
