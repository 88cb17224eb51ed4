/** A process that makes an attempt at each address it is given, and prints how each ended: "opened", or the failure's reason. */
import { open, type Recorder } from "./recorder.ts";

for (const url of process.argv.slice(2)) {
  const ended = new Promise<string>((resolve) =>
    open(url, {}, (said, recorder: Recorder) => {
      if (said.type === "failed") resolve(said.failure.reason);
      if (said.type !== "opened") return;
      recorder.channel.destroy();
      resolve("opened");
    }),
  );
  console.log(await ended);
}
