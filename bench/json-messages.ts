/** Messages as an exchange's feed has them: JSON of about 200 bytes, each different from the one before. */
const SYMBOLS = ["BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD"];

export function jsonMessages(count: number): string[] {
  let noise = 1;
  const next = (): number => {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    return noise / 2 ** 32;
  };
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      type: "trade",
      symbol: SYMBOLS[index % SYMBOLS.length],
      price: (30_000 + next() * 1000).toFixed(2),
      size: next().toFixed(6),
      side: next() < 0.5 ? "buy" : "sell",
      time: new Date(1_700_000_000_000 + index * 137).toISOString(),
      tradeId: 100_000 + index,
      sequence: 5_000_000 + index * 7,
      maker: Math.floor(next() * 2 ** 32).toString(16),
    }).padEnd(200),
  );
}
