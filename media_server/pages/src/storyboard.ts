// A storyboard's track (WebVTT): which part of which sprite shows which seconds. Pure.

export interface Tile {
  /** Seconds of the video. */
  begin: number;
  sprite: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const CUE = /^([\d:.]+) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;

/** Return the tiles of a track, in their order; sprites are told relative to where the track is. */
export function tiles(track: string, path: string): Tile[] {
  const top = path.slice(0, path.lastIndexOf("/") + 1);
  return [...track.matchAll(CUE)].map(([, begin = "", sprite = "", ...where]) => {
    const [x = 0, y = 0, width = 0, height = 0] = where.map(Number);
    return { begin: begin.split(":").reduce((sum, each) => 60 * sum + Number(each), 0), sprite: top + sprite, x, y, width, height };
  });
}

/** Return the number of the tile that shows a second. */
export function shownAt(tiles: Tile[], second: number): number {
  return Math.max(0, tiles.findLastIndex(({ begin }) => begin <= second));
}
