import assert from "node:assert/strict";
import { test } from "node:test";
import type { Branch } from "../../../src/cli/run/tree.ts";
import { SHOWN_CHILDREN, treeLines } from "../../../src/cli/run/tree-lines.ts";

const CONNECTION = {
  address: "ws://127.0.0.1/",
  attempt: 1,
  openFor: 1000,
  reconnects: 0,
  rates: { in: 2, out: 0.25 },
  roundTrip: undefined,
  bufferedBytes: 0,
  dropped: 0,
};

function branch(more: Partial<Branch>): Branch {
  return {
    id: "a",
    state: "running",
    children: undefined,
    up: 1000,
    restarts: 0,
    lastError: undefined,
    connection: undefined,
    ...more,
  };
}

const root = (children: readonly Branch[]): readonly string[] => treeLines(branch({ id: "", children })).slice(1);

test("a branch's own lines stand below it, to any depth", () => {
  const deep = branch({ id: "deep", children: [branch({ id: "deeper", children: [branch({ id: "deepest" })] })] });
  assert.deepEqual(
    treeLines(branch({ id: "top", children: [deep, branch({ id: "leaf", up: undefined, state: "down" })] })),
    [
      "the supervisor top  running, 2 children  up 1 s  restarts 0",
      "├─ deep  running, 1 child  up 1 s  restarts 0",
      "│  └─ deeper  running, 1 child  up 1 s  restarts 0",
      "│     └─ deepest  running  up 1 s  restarts 0",
      "└─ leaf  down                      restarts 0",
    ],
  );
});

test("what a connection holds up is shown, and an error is cut short", () => {
  const connection = { ...CONNECTION, openFor: undefined, attempt: 3, bufferedBytes: 512, dropped: 2, roundTrip: 4.4 };
  const lastError = { text: `x\n${"y".repeat(300)}`, ago: 61_000 };
  const [line] = root([branch({ state: "waiting", connection, lastError })]);
  assert.equal(
    line,
    `└─ a  waiting  up 1 s  restarts 0  attempt 3  reconnects 0  in 2.0/s  out 0.3/s  round trip 4 ms  unsent 512 B  dropped 2  ws://127.0.0.1/  last error 1 m 1 s ago: x\\n${"y".repeat(197)}…`,
  );
});

test("more children than fit are summed up, and those that aren't well are shown", () => {
  const open = (id: string) => branch({ id, state: "open", connection: CONNECTION });
  const many = Array.from({ length: 9000 }, (_, index) => open(String(index)));
  assert.deepEqual(root(many), ["└─ 9000 children: 9000 open  restarts 0  in 18000/s  out 2250/s"]);
  const unwell = Array.from({ length: 12 }, (_, index) =>
    branch({ id: `bad ${index}`, state: "waiting", restarts: 1 }),
  );
  const lines = root([...many, ...unwell]);
  assert.match(
    lines[0] as string,
    /^├─ 9012 children: 9000 open, 12 waiting {2}restarts 12 {2}in .* {2}12 not open, or restarted, 10 of them here:$/,
  );
  assert.equal(lines.length, 11);
  assert.match(lines[10] as string, /^└─ bad 9 {2}waiting/);
  // As many as fit are each shown.
  assert.equal(root(many.slice(0, SHOWN_CHILDREN)).length, SHOWN_CHILDREN);
});
