/**
 * Attempts per second over time as an SVG: a panel for each client, one above the other, all with the same axes, so that they can be compared and
 * none hides another. The vertical axis is logarithmic: a storm of 150,000 and a drizzle of 30 stand on one page. Readable on light and dark.
 */
import type { Figures } from "./run.ts";
import type { Scenario } from "./scenario.ts";

const WIDTH = 860;
const PANEL = { left: 64, right: 20, top: 58, height: 62, gap: 34 };
const TICKS = [1, 100, 10_000, 1_000_000] as const;
const TICK_NAMES = ["1", "100", "10 000", "1 000 000"] as const;
/** Below one attempt a second there is nothing to show on a logarithmic axis. */
const FLOOR = 1;

const STYLE = `
  text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .name { font-weight: 600; }
  .quiet { fill: #59636e; font-size: 11px; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  .event { stroke: #9a6700; stroke-width: 1; stroke-dasharray: 4 3; }
  .area { fill: #59636e; fill-opacity: 0.18; }
  .curve { fill: none; stroke: #59636e; stroke-width: 1.4; stroke-linejoin: round; }
  .ours .area { fill: #0969da; }
  .ours .curve { stroke: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .event { stroke: #d29922; }
    .area { fill: #9198a1; }
    .curve { stroke: #9198a1; }
    .ours .area { fill: #4493f8; }
    .ours .curve { stroke: #4493f8; }
  }
`;

const whole = (value: number): string => value.toLocaleString("en-GB").replaceAll(",", " ");

export function plot({ title, seconds, back }: Scenario, figures: Readonly<Record<string, Figures>>): string {
  const clients = Object.entries(figures);
  const most = Math.max(...clients.map(([, { peakSecond }]) => peakSecond));
  const decades = Math.ceil(Math.log10(most));
  const x = (second: number): number => round(PANEL.left + (second / seconds) * (WIDTH - PANEL.left - PANEL.right));
  const y = (top: number, value: number): number =>
    round(top + PANEL.height * (1 - Math.log10(Math.max(FLOOR, value)) / decades));

  const panel = ([client, { series, peakSecond }]: readonly [string, Figures], at: number): string => {
    const top = PANEL.top + at * (PANEL.height + PANEL.gap);
    const floor = top + PANEL.height;
    const ticks = TICKS.flatMap((tick, index) =>
      Math.log10(tick) > decades
        ? []
        : [
            `<line class="grid" x1="${PANEL.left}" x2="${WIDTH - PANEL.right}" y1="${y(top, tick)}" y2="${y(top, tick)}"/>`,
            `<text class="quiet" text-anchor="end" x="${PANEL.left - 6}" y="${y(top, tick) + 4}">${TICK_NAMES[index]}</text>`,
          ],
    );
    // A second is a step: what was counted in it stands over the whole of it.
    const steps = series.map((value, second) => `H${x(second)}V${y(top, value)}H${x(second + 1)}`).join("");
    const path = `M${x(0)} ${floor}${steps}V${floor}`;
    const event =
      back > 0 && back < seconds
        ? `<line class="event" x1="${x(back)}" x2="${x(back)}" y1="${top}" y2="${floor}"/>`
        : "";
    return [
      `<g class="${client.startsWith("everfresh") ? "ours" : "theirs"}">`,
      `<text x="${PANEL.left}" y="${top - 7}"><tspan class="name">${client}</tspan><tspan class="quiet" dx="8">peak ${whole(peakSecond)} in a second</tspan></text>`,
      ...ticks,
      event,
      `<path class="area" d="${path}Z"/>`,
      `<path class="curve" d="${path}"/>`,
      "</g>",
    ].join("\n");
  };

  const bottom = PANEL.top + clients.length * (PANEL.height + PANEL.gap) - PANEL.gap;
  const every = seconds / 6;
  const times = Array.from({ length: 7 }, (_, index) => index * every).map(
    (second) => `<text class="quiet" text-anchor="middle" x="${x(second)}" y="${bottom + 16}">${second} s</text>`,
  );
  const note = back > 0 && back < seconds ? "; at the dashed line the server is back" : "";
  const height = bottom + 44;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${title}: attempts per second</title>`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="${PANEL.left}" y="22">${title}</text>`,
    ...clients.map(panel),
    ...times,
    `<text class="quiet" x="${PANEL.left}" y="${bottom + 36}">Attempts per second (logarithmic) over the time since the server dropped everybody${note}.</text>`,
    "</svg>\n",
  ].join("\n");
}

const round = (value: number): number => Math.round(value * 10) / 10;
