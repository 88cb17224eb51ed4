/** A message that says its number, whose it is, and whether it is whole. */

export function numbered(client: number, number: number): string {
  return `m ${client} ${number} ${checkOf(client, number)}`;
}

/** Its number; undefined of anything else than a whole message of this client's. */
export function numberIn(text: string, client: number): number | undefined {
  const [kind, whose, digits, check] = text.split(" ");
  const number = Number(digits);
  const isWhole = kind === "m" && Number(whose) === client && Number(check) === checkOf(client, number);
  return isWhole ? number : undefined;
}

function checkOf(client: number, number: number): number {
  return Math.imul(client + 1, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b);
}
