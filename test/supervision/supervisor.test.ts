/** Supervisors as their users see them. What OTP's do in every case is in oracle/ and model.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Child, NameTakenError, Supervisor, SupervisorError } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { PlainChild, Reports, SILENT, Starts } from "./plain-child.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const failing = (reason: string) => (error: unknown) => error instanceof SupervisorError && error.reason === reason;

test("children start in order and stop in reverse, and the supervisor ends with the reason of the stop", async () => {
  const events: string[] = [];
  const names = ["a", "b", "c"].map((id) => new Starts(id, events));
  const supervisor = Supervisor.start(names.map((starts) => starts.spec()));
  assert.equal(supervisor.isStarted, true);
  await supervisor.started;
  assert.deepEqual(
    supervisor.whichChildren().map(({ id, child }) => [id, child]),
    names.map((starts, at) => ["abc"[at], starts.newest]),
  );
  assert.equal(
    await supervisor.stop({ shutdown: "deploy" }).then(JSON.stringify as () => string),
    '{"shutdown":"deploy"}',
  );
  assert.deepEqual(events, ["start a", "start b", "start c", "end c shutdown", "end b shutdown", "end a shutdown"]);
});

test("a start that fails stops the children before it in reverse, and says which child and why", async () => {
  const events: string[] = [];
  const reports = new Reports();
  const cause = new Error("no such file");
  const broken = { id: "broken", start: () => Promise.reject(cause) };
  const never = new Starts("never", events);
  const supervisor = Supervisor.start(
    [new Starts("a", events).spec(), new Starts("b", events).spec(), broken, never.spec()],
    { logger: reports },
  );
  await assert.rejects(supervisor.started, (error: SupervisorError) => {
    assert.deepEqual([error.reason, error.childId, error.cause], ["start_failed", "broken", cause]);
    assert.match(error.message, /The child "broken" could not be started: no such file/);
    return true;
  });
  assert.deepEqual(await supervisor.exited, { shutdown: { failedToStartChild: "broken", reason: cause } });
  assert.deepEqual(events, ["start a", "start b", "end b shutdown", "end a shutdown"]);
  assert.deepEqual(reports.events, ["start_failed broken"]);
});

test("the reason of the first stop holds, and a later one may bring the end nearer", async () => {
  const clock = new FakeClock();
  const starts = new Starts("a");
  const supervisor = Supervisor.start([starts.spec({ shutdown: "infinity" })], { clock, logger: SILENT });
  starts.newest.heeds = "killed";
  await settled();
  void supervisor.stop("shutdown");
  void supervisor.stop("normal", { timeout: 100 });
  clock.advance(100);
  assert.equal(await supervisor.exited, "killed", "it was cut off");
  assert.deepEqual(starts.newest.told, ["shutdown Infinity", "killed 0"]);
  const other = Supervisor.start([new Starts("b").spec()]);
  void other.stop("shutdown");
  assert.equal(await other.stop("normal"), "shutdown");
});

test("with all_significant, one that is being restarted hasn't ended", async () => {
  let fails = false;
  const restarted = new Starts("restarted");
  const spec = restarted.spec({ restart: "transient", significant: true });
  const leaving = new Starts("leaving");
  const clock = new FakeClock();
  const supervisor = Supervisor.start(
    [
      {
        ...spec,
        start: (context) => {
          if (fails) throw new Error("not now");
          return spec.start(context);
        },
      },
      leaving.spec({ restart: "temporary", significant: true }),
    ],
    { autoShutdown: "all_significant", clock, logger: SILENT },
  );
  fails = true;
  restarted.newest.exit("boom");
  await settled();
  assert.equal(supervisor.whichChildren()[0]?.child, "restarting");
  leaving.newest.exit("normal");
  await settled();
  fails = false;
  clock.advance(0);
  await settled();
  assert.deepEqual(supervisor.countChildren(), { specs: 1, active: 1, supervisors: 0, workers: 1 });
  restarted.newest.exit("normal");
  assert.equal(await supervisor.exited, "shutdown");
});

test("a child that is terminated while its restart is to be tried again stays down", async () => {
  const clock = new FakeClock();
  let starts = 0;
  const child = new PlainChild();
  const start = (): Child => {
    starts += 1;
    if (starts > 1) throw new Error("not again");
    return child;
  };
  const supervisor = Supervisor.start([{ id: "a", start }], { clock, logger: SILENT });
  child.exit("boom");
  await settled();
  await assert.rejects(supervisor.restartChild("a"), failing("restarting"));
  await supervisor.terminateChild("a");
  clock.advance(0);
  await settled();
  assert.equal(starts, 2);
  assert.equal(supervisor.whichChildren()[0]?.child, undefined);
  await supervisor.stop();
});

test("whichChildren tells how often a child was restarted, since when it runs, and of its newest fault", async () => {
  const clock = new FakeClock({ wallClock: 1000 });
  const starts = new Starts("a");
  const supervisor = Supervisor.start([starts.spec()], { clock, logger: SILENT });
  clock.advance(500);
  starts.newest.exit("boom");
  await settled();
  starts.newest.exit("normal");
  await settled();
  const [info] = supervisor.whichChildren();
  assert.deepEqual(
    { ...info },
    {
      id: "a",
      child: starts.newest,
      type: "worker",
      restart: "permanent",
      restarts: 2,
      startedAt: 1500,
      lastFault: "boom",
    },
  );
  await supervisor.stop();
});

test("requests answer with OTP's reasons, and after the end with terminated", async () => {
  const a = new Starts("a");
  const supervisor = Supervisor.start([a.spec()]);
  await assert.rejects(supervisor.startChild(a.spec()), (error: SupervisorError) => {
    assert.equal(error.child, a.newest);
    return failing("already_started")(error);
  });
  await assert.rejects(supervisor.restartChild("a"), failing("running"));
  await assert.rejects(supervisor.deleteChild("a"), failing("running"));
  await assert.rejects(supervisor.terminateChild("b"), /There is no child "b"; there are "a"\./);
  await supervisor.terminateChild("a");
  await assert.rejects(supervisor.startChild(a.spec()), failing("already_present"));
  assert.equal(await supervisor.restartChild("a"), a.newest);
  await supervisor.terminateChild("a");
  await supervisor.deleteChild("a");
  assert.deepEqual(supervisor.whichChildren(), []);
  await supervisor.stop();
  await assert.rejects(supervisor.startChild(a.spec()), failing("terminated"));
});

test("a tree stops from the leaves up, and a supervisor below that gives up is restarted by the one above", async () => {
  const events: string[] = [];
  const [leaf, beside] = [new Starts("leaf", events), new Starts("beside", events)];
  const inner = Supervisor.childSpec({
    id: "inner",
    children: [leaf.spec()],
    options: { maxRestarts: 0, logger: SILENT },
  });
  const tree = Supervisor.start([inner, beside.spec()], { logger: SILENT });
  assert.deepEqual(tree.countChildren(), { specs: 2, active: 2, supervisors: 1, workers: 1 });
  leaf.newest.exit("boom");
  await settled();
  await settled();
  assert.equal(leaf.children.length, 2);
  assert.equal(tree.whichChildren()[0]?.restarts, 1);
  await tree.stop("shutdown");
  assert.deepEqual(events.slice(-2), ["end beside shutdown", "end leaf shutdown"]);
});

test("a supervisor that is stopped while one below it starts stops that too, with all that runs there", async () => {
  const early = new Starts("early");
  let signal: AbortSignal | undefined;
  const hanging = {
    id: "hanging",
    start: (context: { readonly signal: AbortSignal }) => {
      signal = context.signal;
      return new Promise<Child>((_, reject) =>
        context.signal.addEventListener("abort", () => reject(new Error("left"))),
      );
    },
  };
  const tree = Supervisor.start([
    Supervisor.childSpec({ children: [early.spec(), hanging], options: { logger: SILENT } }),
  ]);
  assert.equal(tree.isStarted, false);
  assert.equal(await tree.stop("shutdown"), "shutdown");
  assert.equal(signal?.aborted, true);
  assert.equal(await early.newest.exited, "shutdown");
  await assert.rejects(tree.started, failing("terminated"));
});

test("a supervisor has its name as long as it runs, and whereis finds no one else by it", async () => {
  const supervisor = Supervisor.start([], { name: "the tree" });
  assert.equal(Supervisor.whereis("the tree"), supervisor);
  assert.throws(
    () => Supervisor.start([], { name: "the tree" }),
    (error) => error instanceof NameTakenError && error.holder === supervisor,
  );
  await supervisor.stop();
  assert.equal(Supervisor.whereis("the tree"), undefined);
});

test("what can't be used is refused at once: two alike ids, no list, a significant child that would mean nothing", () => {
  const spec = new Starts("a").spec();
  assert.throws(() => Supervisor.start([spec, spec]), /Two children have the id "a"/);
  assert.throws(() => Supervisor.start({} as never), /takes a list of children first/);
  const significant = { ...spec, restart: "temporary", significant: true } as const;
  assert.throws(() => Supervisor.start([significant]), /autoShutdown is "never"/);
});

test("await using stops a supervisor at the end of its scope", async () => {
  const starts = new Starts("a");
  {
    await using supervisor = Supervisor.start([starts.spec()]);
    assert.equal(supervisor.isStarted, true);
  }
  assert.equal(await starts.newest.exited, "shutdown");
});
