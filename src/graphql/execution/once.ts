/** For the `extensions` of a field of Query that does more than read our own rows: what asks for it is executed once, without a plan. */
export const once = { once: true };
