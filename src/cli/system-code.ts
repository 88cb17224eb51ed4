/**
 * What the system calls an error: "EPIPE", "ENOENT".
 */
export function systemCode(error: unknown): string {
  return String((error as { readonly code?: unknown } | undefined)?.code ?? error);
}
