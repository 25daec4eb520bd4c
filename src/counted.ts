/** `1 day`, `12 days`. */
export const counted = (count: number, unit: string, many = `${unit}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? unit : many}`;
