/** The wall clock in ms with its fractions: what two processes of one machine can compare, which `Date.now()` rounds. */
export const wallMs = (): number => performance.timeOrigin + performance.now();
