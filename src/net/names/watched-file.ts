/** A small configuration file of the system that others rewrite: parsed again once it has changed. */
import { readFileSync, statSync } from 'node:fs'

/**
 * Reads in the calling thread: such files are small and local, and libuv's threads must not be
 * what looking up a name waits for.
 */
export class WatchedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  #version: string | undefined
  #value: T | undefined

  /** @param parse gets '' for a file that is not there or cannot be read */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path
    this.#parse = parse
  }

  /** Another text for another file or another content. */
  version(): string {
    try {
      const { dev, ino, size, mtimeNs } = statSync(this.#path, { bigint: true })
      return [dev, ino, size, mtimeNs].join(' ')
    } catch {
      return 'none'
    }
  }

  read(): T {
    const version = this.version()
    if (this.#value === undefined || version !== this.#version) {
      this.#version = version
      this.#value = this.#parse(textOf(this.#path))
    }
    return this.#value
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
