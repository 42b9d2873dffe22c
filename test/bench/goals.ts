/** A figure that was aimed at. */
export interface Goal {
  readonly what: string
  readonly figure: string
  readonly goal: string
  readonly met: boolean
}
