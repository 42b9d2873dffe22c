/** ms on a clock that all processes of one machine share, and that nobody steps (CLOCK_MONOTONIC). */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6
