/**
 * The place of registries: names of any kind for `{ via }`. This version refuses them, as it does supervisors.
 */
import { NotBuiltError } from "../not-built.ts";

export type RegistryOptions = { readonly keys: "unique" | "duplicate" };

/** Finds connections by keys of any kind. This version refuses it. */
export class Registry {
  /** @throws NotBuiltError */
  constructor(_options: RegistryOptions) {
    throw new NotBuiltError(
      "Registry isn't built in this version. Until then, name connections with a string or a symbol: Fresh.whereis() finds them.",
    );
  }
}
