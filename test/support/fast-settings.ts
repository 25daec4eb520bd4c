/** Durability is not what most tests are about, and creating databases is several times faster without it. */
export const FAST_SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  // Several files at a time, each with pools of its own.
  max_connections: "200",
};
