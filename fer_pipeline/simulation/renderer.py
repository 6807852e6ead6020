"""A person in a moment → a picture in linear light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fer_pipeline.domain import Box, FloatArray
from fer_pipeline.simulation.acting import Moment, rotation
from fer_pipeline.simulation.mesh import HeadMesh, IntArray, Mask, Material, Materials
from fer_pipeline.simulation.numeric import (
    blurred,
    rotated,
    single,
    smoothstep,
    unit,
)
from fer_pipeline.simulation.person import Person
from fer_pipeline.simulation.rasteriser import Fragments, rasterise
from fer_pipeline.simulation.shading import SeenHair, lit_hair, lit_plastic, lit_surface
from fer_pipeline.simulation.shadows import ShadowMap, openness
from fer_pipeline.simulation.studio import Camera, Light
from fer_pipeline.simulation.surface import resting_attributes, seen_surface

_NECK_JOINT = (0.0, 6.5, 0.25)

_LOWER_LASHES_BELOW = 7.28

# Hair ends where its growth and the strand's own length come to less than this.
_HAIRLINE, _SILHOUETTE = -0.15, -0.9
_STRAND_LENGTH = 0.4

_STRANDS_AROUND, _STRANDS_DOWN = 90, 14


@dataclass(frozen=True, eq=False)
class _Posed:
    """A head in a moment: vertices and normals in the room, and its rotation."""

    vertices: FloatArray
    normals: FloatArray
    rotation: FloatArray


@dataclass(frozen=True, eq=False)
class _HairMesh:
    """The hair of a moment; growth and places as in `Hair`."""

    vertices: FloatArray
    normals: FloatArray
    triangles: IntArray
    places: FloatArray
    growth: FloatArray


class Renderer:
    """Draws one person.

    Args:
        mesh: What all people are made of.
        person: Who is drawn.
        smooth_edges: Whether edges are softened; needless if the picture is made smaller later.
    """

    def __init__(self, mesh: HeadMesh, person: Person, *, smooth_edges: bool) -> None:
        self._mesh = mesh
        self._person = person
        self._smooth_edges = smooth_edges

    def draw(self, moment: Moment, camera: Camera, light: Light, onto: FloatArray) -> FloatArray:
        """Return a picture with the person in front of what was there.

        Args:
            moment: What the person does.
            camera: Who looks.
            light: What lights the scene.
            onto: What was there, linear RGB, shape (height, width, 3).
        """
        scene = _Scene(self._mesh, self._person, self._posed(moment), camera, light, onto)
        scene.relief = self._person.skin.relief(moment.actions)
        scene.attributes = self._resting
        return scene.drawn(smooth_edges=self._smooth_edges)

    def face_box(self, moment: Moment, camera: Camera, size: tuple[int, int]) -> Box:
        """Return the rectangle around the face, from chin to hairline, inside the picture."""
        posed = self._posed(moment, normals=False)
        seen = camera.projected(posed.vertices[self._mesh.face_vertices], size)
        limits = np.array(size)
        low = np.clip(np.floor(seen[:, :2].min(0)), 0, limits - 1).astype(int)
        high = np.clip(np.ceil(seen[:, :2].max(0)), low + 1, limits).astype(int)
        width, height = high - low
        return Box(int(low[0]), int(low[1]), int(width), int(height))

    @cached_property
    def _resting(self) -> FloatArray:
        return resting_attributes(self._mesh, self._person)

    def _posed(self, moment: Moment, *, normals: bool = True) -> _Posed:
        person = self._person
        moved = person.muscles.moved(person.anatomy.vertices, moment.actions, moment.gaze)
        turn = rotation(moment.turn)
        vertices = turned(moved, turn)
        known = self._mesh.normals(vertices) if normals else vertices
        return _Posed(vertices, known, turn)


def turned(points: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return points after the head has turned: all of it above, less and less down the neck."""
    height = points[:, 1] + 0.45 * (points[:, 2] - 0.3)
    share = smoothstep(5.6, 6.45, height)[:, None]
    from_joint = single(points - single(_NECK_JOINT))
    return single(points + share * (rotated(from_joint, rotation) - from_joint))


class _Scene:
    """One picture in the making."""

    relief: FloatArray
    attributes: FloatArray

    def __init__(
        self,
        mesh: HeadMesh,
        person: Person,
        posed: _Posed,
        camera: Camera,
        light: Light,
        onto: FloatArray,
    ) -> None:
        self.mesh, self.person, self.posed = mesh, person, posed
        self.camera, self.light = camera, light
        height, width, _ = onto.shape
        self.size = width, height
        self.scale = camera.pixels_a_decimetre(height)
        self.behind = camera.distance + 3
        self.picture = onto.reshape(-1, 3).copy()
        self.depth = np.full(width * height, self.behind, np.float32)
        self.layer = np.zeros(width * height, np.uint8)

    def drawn(self, *, smooth_edges: bool) -> FloatArray:
        """Draw all, and return the picture."""
        mesh, posed = self.mesh, self.posed
        triangles, material = mesh.triangles[mesh.solid], mesh.material[mesh.solid]
        points = self.camera.projected(posed.vertices, self.size)
        head = rasterise(points, triangles, self.size)
        self.depth[head.pixels] = head.depth
        self.layer[head.pixels] = 1 + material[head.triangles]
        hair = self._hair_mesh()
        strands, hairs = self._hairs(hair)
        on_skin = self.depth[strands.pixels] < self.behind - 1
        self.depth[strands.pixels] = strands.depth
        cover = (self.depth < self.behind - 1).astype(np.float32)
        shape = self.size[1], self.size[0]
        open_to = openness(self.depth.reshape(shape), cover.reshape(shape), self.scale).ravel()
        shadows = self._shadow_map(hair, triangles[material == Material.SKIN])
        self._paint_head(head, triangles, material, shadows, open_to)
        self._paint_hair(strands, hairs, on_skin, shadows, open_to)
        self._paint_lashes(points)
        self._paint_glasses()
        picture = self.picture.reshape(*shape, 3)
        return _softened(picture, self.layer.reshape(shape)) if smooth_edges else picture

    def _paint_head(
        self,
        head: Fragments,
        triangles: IntArray,
        material: Materials,
        shadows: ShadowMap,
        open_to: FloatArray,
    ) -> None:
        posed = self.posed
        attributes = np.concatenate([self.attributes, posed.normals, posed.vertices], 1)
        surface = seen_surface(
            self.person, head, triangles, material, attributes, self.relief, posed.rotation
        )
        lit = self._lit(shadows, surface.point, head.pixels)
        self.picture[head.pixels] = lit_surface(
            surface,
            self.light,
            self.camera.place,
            lit,
            open_to[head.pixels],
            self.person.skin.shine,
        )

    def _hair_mesh(self) -> _HairMesh:
        """Let the hair stand off the head, and hang the curtain around it."""
        hair, posed = self.person.hair, self.posed
        cap = single(posed.vertices + posed.normals * hair.thickness[:, None])
        if hair.curtain is None:
            return _HairMesh(cap, posed.normals, hair.triangles, hair.places, hair.growth)
        hanging = turned(hair.curtain.vertices, posed.rotation)
        normals = _outward_normals(hanging, hair.curtain.triangles)
        return _HairMesh(
            vertices=np.concatenate([cap, hanging]),
            normals=np.concatenate([posed.normals, normals]),
            triangles=np.concatenate([hair.triangles, hair.curtain.triangles + len(cap)]),
            places=np.concatenate([hair.places, hair.curtain.places]),
            growth=np.concatenate([hair.growth, hair.curtain.growth]),
        )

    def _hairs(self, hair: _HairMesh) -> tuple[Fragments, FloatArray]:
        """Return the pixels that show hair, and for each: strand, growth, normal and place."""
        points = self.camera.projected(hair.vertices, self.size)
        seen = rasterise(points, hair.triangles, self.size, both_sides=True)
        attributes = np.concatenate(
            [hair.places, hair.growth[:, None], hair.normals, hair.vertices], 1
        )
        values = seen.interpolated(hair.triangles, attributes)
        column = ((values[:, 0] * _STRANDS_AROUND) % 1022).astype(int)
        row = ((values[:, 1] * _STRANDS_DOWN) % 62).astype(int)
        strand = self.person.hair.strands[row, column]
        free = self.depth[seen.pixels] > self.behind - 1
        length = values[:, 2] + _STRAND_LENGTH * strand
        grown = length > np.where(free, _SILHOUETTE, _HAIRLINE)
        kept = grown & (seen.depth < self.depth[seen.pixels] + 0.005)
        return seen.where(kept), np.concatenate([strand[:, None], values[:, 2:]], 1)[kept]

    def _paint_hair(
        self,
        seen: Fragments,
        hairs: FloatArray,
        on_skin: Mask,
        shadows: ShadowMap,
        open_to: FloatArray,
    ) -> None:
        if not len(seen):
            return
        strand, growth, point = hairs[:, 0], hairs[:, 1], hairs[:, 5:8]
        hair = SeenHair(
            strand=strand,
            normal=unit(hairs[:, 2:5]),
            point=point,
            lit=self._lit(shadows, point, seen.pixels),
            openness=open_to[seen.pixels],
        )
        shown = lit_hair(hair, self.person.skin.hair, self.light, self.camera.place)
        line = smoothstep(_HAIRLINE, 0.55, growth + _STRAND_LENGTH * strand)
        alpha = np.where(on_skin, line, 1)[:, None]
        self.picture[seen.pixels] = self.picture[seen.pixels] * (1 - alpha) + shown * alpha
        self.layer[seen.pixels[~on_skin]] = 7

    def _paint_lashes(self, points: FloatArray) -> None:
        lashes = self.mesh.triangles[~self.mesh.solid]
        seen = rasterise(points, lashes, self.size, both_sides=True)
        lower = self.mesh.vertices[lashes, 1].mean(1) < _LOWER_LASHES_BELOW
        visible = seen.depth < self.depth[seen.pixels] + 0.02
        share = np.where(lower[seen.triangles], 0.22, 0.75) * visible
        alpha = (self.person.skin.lash_line * share)[:, None]
        dark = self.person.skin.hair * 0.15 + 0.004
        self.picture[seen.pixels] = self.picture[seen.pixels] * (1 - alpha) + dark * alpha

    def _paint_glasses(self) -> None:
        glasses = self.person.glasses
        if glasses is None:
            return
        vertices = turned(glasses.vertices, self.posed.rotation)
        points = self.camera.projected(vertices, self.size)
        seen = rasterise(points, glasses.triangles, self.size, both_sides=True)
        seen = seen.where(seen.depth < self.depth[seen.pixels])
        attributes = np.concatenate([rotated(glasses.normals, self.posed.rotation), vertices], 1)
        values = seen.interpolated(glasses.triangles, attributes)
        shown = lit_plastic(
            glasses.colour, unit(values[:, :3]), values[:, 3:], self.light, self.camera.place
        )
        self.picture[seen.pixels] = shown
        self.layer[seen.pixels] = 8

    def _shadow_map(self, hair: _HairMesh, skin: IntArray) -> ShadowMap:
        vertices = self.posed.vertices
        dense = (hair.growth[hair.triangles] > 0).all(1)
        casting = np.concatenate([skin, hair.triangles[dense] + len(vertices)])
        everything = np.concatenate([vertices, hair.vertices])
        return ShadowMap.of(everything, casting, self.light.direction)

    def _lit(self, shadows: ShadowMap, points: FloatArray, pixels: IntArray) -> FloatArray:
        blur = max(0.3, self.light.softness * self.scale)
        return shadows.light_on(points, pixels, self.size, blur)


def _outward_normals(vertices: FloatArray, triangles: IntArray) -> FloatArray:
    """Return the normals of a curtain, whose triangles come twice, away from the head."""
    outer = triangles[: len(triangles) // 2]
    first, second, third = (vertices[outer[:, i]] for i in range(3))
    across = unit(np.cross(second - first, third - first))
    sums = np.zeros_like(vertices)
    np.add.at(sums, outer.ravel(), np.repeat(across, 3, 0))
    normals = unit(sums)
    from_middle = vertices - single([0, 0, 0.15])
    side = normals[:, 0] * from_middle[:, 0] + normals[:, 2] * from_middle[:, 2]
    return single(normals * np.sign(side)[:, None])


def _softened(picture: FloatArray, layer: FloatArray) -> FloatArray:
    """Blur a little where one thing ends and another begins: what supersampling would do."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    edges = cv2.morphologyEx(layer, cv2.MORPH_GRADIENT, kernel) > 0
    share = blurred(single(edges), 0.6)[..., None]
    return single(picture * (1 - share) + blurred(picture, 0.75) * share)
