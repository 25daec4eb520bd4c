/** How much a change asks of partners; the policy decides what notice each category demands. */
export const CATEGORIES = ["normal", "major", "emergency"] as const;
export type Category = (typeof CATEGORIES)[number];

/** `urgent` has its own queues, slots and connections from end to end, so an emergency never waits behind a reminder. */
export const LANES = ["urgent", "routine"] as const;
export type Lane = (typeof LANES)[number];

export const CHANNELS = ["email", "webhook"] as const;
export type Channel = (typeof CHANNELS)[number];
