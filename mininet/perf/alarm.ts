/** A timer that is never early by the clock that everything here is measured with. */
export class Alarm {
  #timer: NodeJS.Timeout | undefined

  /**
   * Calls `act` once it is `at`, an instant of `performance.now()`; replaces what was set before.
   * Node's timers keep whole milliseconds of a clock of their own and may be early by one: they are
   * set again then.
   */
  set(at: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        if (performance.now() < at) this.set(at, act)
        else act()
      },
      Math.max(0, Math.ceil(at - performance.now())),
    )
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}
