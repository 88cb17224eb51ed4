/**
 * Many devices, one place where their readings come together.
 *
 * A dynamic supervisor has the connections: they are started when a device is added and stopped when it is removed, and one that
 * fails is started again. Two registries find them: by the device's id, where there is one for each, and by its site, where there are many.
 * An entry goes with its connection, so nobody has to keep the lists.
 *
 * Prints:
 *     200 devices are connected
 *     100 readings from the site north, with the sum 10000
 *     device 7 sent what can't be read; it was restarted, and there are 200 again
 *     device 8 is removed: 199 are left, 99 of them in the north
 *     the supervisor ended: shutdown
 */
import { type Connection, DynamicSupervisor, Fresh, ok, Registry } from "everfresh";
import { TestServer } from "everfresh/testing";

const DEVICES = 200;
type Site = "north" | "south";
type Device = { readonly id: number; readonly site: Site };

const devices = new Registry<Connection<Device>>({ keys: "unique" });
const sites = new Registry<Connection<Device>>({ keys: "duplicate" });

// ── The fan-in ───────────────────────────────────────────────────────────────────────────────────────────────────

let readings: number[] = [];
/** Whoever waits until something is so: they look when a device connects or has sent a reading. */
const waiting = new Set<() => void>();

function until(isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!isSo()) return;
      waiting.delete(look);
      resolve();
    };
    waiting.add(look);
    look();
  });
}

const changed = (): void => {
  for (const look of waiting) look();
};

const DeviceModule = Fresh.define<Device>("Device", {
  handleConnect(_status, _headers, device, self) {
    // The same connection comes here once more when it has reconnected.
    if (!sites.keys(self).includes(device.site)) sites.register(device.site, self);
    changed();
    return ok(device);
  },

  handleIn(frame, device) {
    const reading = Number(frame.data);
    // This ends the connection; the supervisor starts another one.
    if (Number.isNaN(reading)) throw new Error(`Device ${device.id} sent what is no number.`);
    readings.push(reading);
    changed();
    return ok(device);
  },
});

const supervisor = DynamicSupervisor.start({ maxRestarts: 100, logger: { error: () => {} } });

async function add(device: Device): Promise<void> {
  const name = { via: devices, name: { device: device.id } };
  const uri = `${server.url}/${device.id}`;
  const options = { name, infoLogging: false, errorLogging: false };
  await supervisor.startChild(DeviceModule.childSpec({ uri, state: device, options }));
}

async function remove(id: number): Promise<void> {
  const [entry] = devices.lookup({ device: id });
  if (entry !== undefined) await supervisor.terminateChild(entry.connection);
}

// ── The devices: each sends a reading when it is asked for one ─────────────────────────────────────────────────────

const server = await TestServer.start({
  script: async (peer) => {
    await peer.accept();
    for await (const frame of peer.frames())
      if (frame.type === "text") peer.send(frame.data === "measure" ? "100" : "?");
  },
});

for (let id = 1; id <= DEVICES; id += 1) await add({ id, site: id % 2 === 0 ? "north" : "south" });
await until(() => sites.size === DEVICES);
console.log(`${supervisor.countChildren().active} devices are connected`);

sites.dispatch("north", (entries) => {
  for (const { connection } of entries) connection.send("measure");
});
await until(() => readings.length === DEVICES / 2);
const sum = readings.reduce((total, reading) => total + reading, 0);
console.log(`${readings.length} readings from the site north, with the sum ${sum}`);

const [before] = devices.lookup({ device: 7 });
Fresh.send({ via: devices, name: { device: 7 } }, "speak in riddles");
await before?.connection.exited;
await until(() => sites.size === DEVICES);
console.log(`device 7 sent what can't be read; it was restarted, and there are ${devices.size} again`);

await remove(8);
readings = [];
console.log(`device 8 is removed: ${devices.size} are left, ${sites.lookup("north").length} of them in the north`);
console.log(`the supervisor ended: ${await supervisor.stop("shutdown")}`);
await server.stop();
