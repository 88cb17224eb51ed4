import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import type { Script } from "./script.ts";
import { QuietTime, VirtualTime } from "./time.ts";

test("virtual time runs what is planned by its time, then by the order of planning, and without waiting", () => {
  const time = new VirtualTime();
  const ran: string[] = [];
  time.after(3_600_000, () => ran.push(`last at ${time.now}`));
  time.after(5, () => ran.push("second"));
  time.after(5, () => ran.push("third"));
  time.after(1, () => ran.push("first"));
  time.after(2, () => ran.push("undone"))();
  while (!time.idle) time.jump();
  assert.deepEqual(ran, ["first", "second", "third", "last at 3600000"]);
});

test("what is on its way arrives before anything else of the same moment", () => {
  const time = new VirtualTime();
  const ran: string[] = [];
  time.after(1, () => {
    time.after(0, () => ran.push("planned"));
    time.send(() => ran.push("sent"));
  });
  while (!time.idle) time.jump();
  assert.deepEqual(ran, ["sent", "planned"]);
});

test("a script waits for a condition or its limit, whichever is first", () => {
  const time = new VirtualTime();
  let met = false;
  const at: number[] = [];
  function* script(): Script {
    yield { until: () => met, limit: 100 };
    at.push(time.now);
    yield { until: () => false, limit: 100 };
    at.push(time.now);
  }
  time.start(script());
  time.after(7, () => {
    met = true;
  });
  while (!time.idle) time.jump();
  assert.deepEqual(at, [7, 107]);
});

test("quiet time doesn't pass while bytes are under way, however near the next moment is", async () => {
  const time = new QuietTime();
  const seen: string[] = [];
  const server = createServer((socket) => {
    socket.on("data", (data) => {
      seen.push(data.toString());
      time.changed();
      socket.end("back");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  function* script(): Script {
    for (const name of ["one", "two", "three"]) {
      const socket = connect(port, "127.0.0.1", () => socket.write(name));
      socket.on("data", (data) => {
        seen.push(data.toString());
        time.changed();
      });
      yield { ms: 0.001 };
      seen.push("later");
    }
  }
  await time.run(script());
  assert.deepEqual(seen, ["one", "back", "later", "two", "back", "later", "three", "back", "later"]);
  server.close();
});
