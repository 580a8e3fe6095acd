/** How fast a recording is played. */

/** The speeds to choose from. */
export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const;

/** The speed one step slower or faster. */
export function stepSpeed(speed: number, direction: 1 | -1): number {
  const index = SPEEDS.findIndex((choice) => choice >= speed);
  return SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (index === -1 ? 1 : index) + direction))] ?? speed;
}
