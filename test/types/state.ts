/** A module's state type flows from define or start through callbacks and responses to the connection. */
import type { Callbacks } from "../../src/behaviour.ts";
import {
  type BinaryFrame,
  type Connection,
  type ControlFrame,
  type DataFrame,
  type ExitReason,
  Fresh,
  type FreshError,
  type FreshModule,
  ok,
  reconnect,
  reply,
  stop,
  type TextFrame,
  text,
} from "../../src/index.ts";
import { exactly, uri } from "./same.ts";

type Tally = { readonly count: number };

export function definedModule(): void {
  const Counter = Fresh.define<number>("Counter", {
    handleConnect(status, headers, state, self) {
      exactly<number>()(status, true);
      exactly<Headers>()(headers, true);
      exactly<number>()(state, true);
      exactly<Connection<number>>()(self, true);
      return reply(text("1"), state);
    },
    handleControl(frame, state) {
      exactly<ControlFrame>()(frame, true);
      return ok(state + 1);
    },
    handleIn(frame, state) {
      exactly<DataFrame>()(frame, true);
      if (frame.type === "text") {
        exactly<TextFrame>()(frame, true);
        exactly<string>()(frame.data, true);
      } else {
        exactly<BinaryFrame>()(frame, true);
      }
      return ok(state);
    },
    handleInfo(message, state) {
      exactly<unknown>()(message, true);
      return ok(state);
    },
    handleDisconnect(code, reason, state) {
      exactly<number | undefined>()(code, true);
      exactly<string | undefined>()(reason, true);
      exactly<number>()(state, true);
      return code === 1008 ? stop() : reconnect(state + 1);
    },
    handleError(error, state) {
      exactly<FreshError>()(error, true);
      exactly<number>()(state, true);
      return reconnect();
    },
    handleTerminate(reason, state) {
      exactly<ExitReason>()(reason, true);
      exactly<number>()(state, true);
    },
  });
  exactly<FreshModule<number>>()(Counter, true);
  const connection = Counter.start({ uri, state: 0 });
  exactly<Connection<number>>()(connection, true);
  exactly<FreshModule<number>>()(connection.module, true);
  Counter.startLink({ uri, state: 1, options: { pingInterval: 1000 } });
  Counter.childSpec({ uri, state: 1 });

  // @ts-expect-error 2322: the state is a number
  Counter.start({ uri, state: "0" });
  // @ts-expect-error 2322: the state is a number
  Counter.startLink({ uri, state: null });
  // @ts-expect-error 2322: the state is a number
  Counter.childSpec({ uri, state: {} });
  // @ts-expect-error 2345: a state is needed
  Counter.start({ uri });
  // @ts-expect-error 2345: a uri is needed
  Counter.start({ state: 0 });
}

export function startedModule(Counter: FreshModule<number>): void {
  exactly<Connection<number>>()(Fresh.start(uri, Counter, 0), true);
  exactly<Connection<number>>()(Fresh.startLink(uri, Counter, 0, { pingInterval: 0 }), true);

  // @ts-expect-error 2769: the module's state is a number
  Fresh.start(uri, Counter, "0");
  // @ts-expect-error 2769: the module's state is a number
  Fresh.startLink(uri, Counter, undefined);
}

export function plainObject(): void {
  const connection = Fresh.start(
    uri,
    {
      handleIn(frame, state, self) {
        exactly<number>()(state, true);
        exactly<Connection<number>>()(self, true);
        return reply(frame, state + 1);
      },
      handleDisconnect: (_code, _reason, state) => reconnect(state),
    },
    0,
  );
  exactly<Connection<number>>()(connection, true);

  const tallying = Fresh.start(uri, { handleInfo: (_message, { count }) => ok({ count: count + 1 }) }, { count: 0 });
  exactly<Connection<{ count: number }>>()(tallying, true);
  const annotated = Fresh.start<Tally>(uri, { handleInfo: (_message, state) => ok(state) }, { count: 0 });
  exactly<Connection<Tally>>()(annotated, true);

  Fresh.start(
    uri,
    {
      // @ts-expect-error 2769: the state that start is given is a number
      handleIn: () => ok("a string"),
    },
    0,
  );
  Fresh.start(
    uri,
    {
      // @ts-expect-error 2769: there is no such callback
      handleOpen: () => ok(0),
    },
    0,
  );
}

class Greeter implements Partial<Callbacks<number>> {
  greeting = "hello";

  handleConnect(_status: number, _headers: Headers, state: number) {
    return reply(this.greeting, state + 1);
  }
}

export function classInstance(): void {
  exactly<Connection<number>>()(Fresh.start(uri, new Greeter(), 0), true);

  // @ts-expect-error 2769: Greeter's state is a number
  Fresh.start(uri, new Greeter(), "0");
}

export function stateOfAUnion(): void {
  type Phase = "new" | "greeted";
  const Phased = Fresh.define<Phase>("Phased", { handleConnect: () => ok("greeted") });
  Phased.start({ uri, state: "new" });

  // @ts-expect-error 2322: no such phase
  Phased.start({ uri, state: "old" });
  // @ts-expect-error 2322: no such phase
  Fresh.define<Phase>("Phased", { handleConnect: () => ok("old") });
}
