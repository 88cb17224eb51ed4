/** Bun, whose server is uWebSockets. npm installs the one for this machine; which of them that is, only its name tells. */
import { fileURLToPath } from "node:url";

/** The program. */
export const BUN = bunOfThisMachine();

function bunOfThisMachine(): string {
  const machine = `${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  for (const name of [`@oven/bun-${machine}`, `@oven/bun-${machine}-musl`]) {
    try {
      return fileURLToPath(new URL("bin/bun", import.meta.resolve(`${name}/package.json`)));
    } catch {
      // Then the other one, or none.
    }
  }
  throw new Error(`npm has installed no Bun for ${machine}: without it uWebSockets can't be tested.`);
}
