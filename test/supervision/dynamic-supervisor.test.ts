/** Dynamic supervisors as their users see them; what Elixir's do in every case is in oracle/. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Child, DynamicSupervisor, Supervisor, SupervisorError } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { PlainChild, SILENT, Starts } from "./plain-child.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const failing = (reason: string) => (error: unknown) => error instanceof SupervisorError && error.reason === reason;
const plain = { id: "plain", start: () => new PlainChild(), restart: "temporary" } as const;

test("children come and go, ids may be alike, and all are stopped together", async () => {
  const supervisor = DynamicSupervisor.start();
  const children = await Promise.all([plain, plain, plain].map((spec) => supervisor.startChild(spec)));
  assert.equal(new Set(children).size, 3);
  const [first, second, third] = children as Child[];
  await supervisor.terminateChild(first as Child);
  await assert.rejects(supervisor.terminateChild(first as Child), failing("not_found"));
  assert.deepEqual(supervisor.countChildren(), { specs: 2, active: 2, supervisors: 0, workers: 2 });
  assert.equal(await supervisor.stop("shutdown"), "shutdown");
  assert.deepEqual(await Promise.all([second?.exited, third?.exited]), ["shutdown", "shutdown"]);
  await assert.rejects(supervisor.startChild(plain), failing("terminated"));
});

test("maxChildren counts those that are being started and ended too", async () => {
  const clock = new FakeClock();
  const supervisor = DynamicSupervisor.start({ maxChildren: 1, clock });
  let give: (child: Child) => void = () => undefined;
  const slow = supervisor.startChild({
    id: "slow",
    start: () =>
      new Promise<Child>((resolve) => {
        give = resolve;
      }),
  });
  await assert.rejects(supervisor.startChild(plain), failing("max_children"));
  assert.deepEqual(supervisor.whichChildren(), []);
  const child = new PlainChild();
  child.heeds = "nothing";
  give(child);
  assert.equal(await slow, child);
  const ending = supervisor.terminateChild(child);
  await assert.rejects(supervisor.startChild(plain), failing("max_children"));
  child.exit("shutdown");
  await ending;
  assert.ok(await supervisor.startChild(plain));
  await supervisor.stop();
});

test("a stop ends the start that is under way, and waits for a child that is being terminated", async () => {
  const supervisor = DynamicSupervisor.start();
  const late = new Starts("late");
  const child = (await supervisor.startChild(late.spec())) as PlainChild;
  child.heeds = "nothing";
  void supervisor.terminateChild(child);
  const hanging = supervisor.startChild({
    id: "hanging",
    start: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("left")))),
  });
  let over = false;
  void supervisor.stop().then(() => {
    over = true;
  });
  await assert.rejects(hanging, failing("start_failed"));
  await settled();
  assert.equal(over, false);
  child.exit("normal");
  assert.equal(await supervisor.exited, "normal");
});

test("more restarts than maxRestarts, of whichever children, end it with shutdown", async () => {
  const supervisor = DynamicSupervisor.start({ maxRestarts: 2, clock: new FakeClock(), logger: SILENT });
  const all = ["a", "b", "c"].map((id) => new Starts(id));
  for (const starts of all) await supervisor.startChild(starts.spec());
  for (const starts of all) starts.newest.exit("boom");
  assert.equal(await supervisor.exited, "shutdown");
  assert.deepEqual(
    all.map(({ children }) => children.length),
    [2, 2, 1],
  );
});

test("a dynamic supervisor is a supervisor's child like any other, and has a name", async () => {
  const tree = Supervisor.start([DynamicSupervisor.childSpec({ options: { name: "devices" } })]);
  assert.equal(tree.whichChildren()[0]?.id, "devices");
  const devices = DynamicSupervisor.whereis("devices");
  const child = await devices?.startChild(plain);
  assert.equal(Supervisor.whereis("devices"), undefined);
  await tree.stop("shutdown");
  assert.equal(await child?.exited, "shutdown");
  assert.equal(DynamicSupervisor.whereis("devices"), undefined);
});

test("starting and stopping a child costs the same among ten thousand as among a thousand", {
  timeout: 60_000,
}, async () => {
  const time = async (size: number): Promise<number> => {
    const supervisor = DynamicSupervisor.start();
    const begin = performance.now();
    const children: Child[] = [];
    for (let at = 0; at < size; at += 1) children.push((await supervisor.startChild(plain)) as Child);
    // From the middle outwards, so that no end of a list is near.
    for (let at = 0; at < size; at += 2) await supervisor.terminateChild(children[(size / 2 + at) % size] as Child);
    await supervisor.stop();
    return performance.now() - begin;
  };
  let ratio = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && ratio > 25; round += 1) ratio = (await time(10_000)) / (await time(1000));
  assert.ok(ratio <= 25, `ten times as many take ${ratio.toFixed(1)} times as long`);
});
