/** Answers of ip and nft, of which each version says a little more than the one before. */
import type { z } from 'zod'
import { MptkError } from '../../src/errors.js'
import type { Runner } from '../../src/exec.js'
import { listFamily } from '../linux/family.js'

/** Runs a command that answers in JSON; nothing at all is an empty list. @throws {MptkError} MPTK_EXEC */
export async function askJson<T extends z.ZodType>(
  runner: Runner,
  argv: readonly string[],
  schema: T,
): Promise<z.output<T>> {
  return parseAnswer(argv, await listFamily(runner, argv), schema)
}

/** @throws {MptkError} MPTK_EXEC: an answer that is not understood is no empty one */
export function parseAnswer<T extends z.ZodType>(
  argv: readonly string[],
  text: string,
  schema: T,
): z.output<T> {
  try {
    return schema.parse(JSON.parse(text.trim() || '[]'))
  } catch (cause) {
    throw new MptkError('MPTK_EXEC', `${argv.join(' ')}: an answer that is not understood`, { cause })
  }
}
