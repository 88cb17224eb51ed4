/**
 * Listening to AbortSignals that many share: one signal for a whole program is the usual case, and ten listeners on one make
 * Node warn of a leak. So a signal gets one listener of ours, however many connections and waits hang on it.
 */

type Subscription = { readonly callbacks: Set<() => void>; readonly listener: () => void };

const subscriptions = new WeakMap<AbortSignal, Subscription>();

/** Calls back once when the signal aborts; answers how to stop listening. The signal hasn't aborted yet. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const subscription = subscriptions.get(signal) ?? subscribe(signal);
  // A set keeps one of a kind: the same callback given twice is to be called twice.
  const own = (): void => callback();
  subscription.callbacks.add(own);
  return () => {
    if (subscription.callbacks.delete(own) && subscription.callbacks.size === 0) unsubscribe(signal, subscription);
  };
}

function subscribe(signal: AbortSignal): Subscription {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    subscriptions.delete(signal);
    for (const callback of callbacks) callback();
  };
  const subscription = { callbacks, listener };
  subscriptions.set(signal, subscription);
  signal.addEventListener("abort", listener, { once: true });
  return subscription;
}

function unsubscribe(signal: AbortSignal, { listener }: Subscription): void {
  subscriptions.delete(signal);
  signal.removeEventListener("abort", listener);
}
