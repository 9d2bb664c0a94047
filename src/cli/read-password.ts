/** A password from a terminal, where nothing is shown of it, or from standard input. */
import { createInterface } from 'node:readline'
import { MptkError } from '../errors.js'

/** RFC 1929. */
const MOST_BYTES = 255

/** @throws {MptkError} MPTK_USAGE */
export async function readPassword(): Promise<string> {
  const password = process.stdin.isTTY ? await askTwice() : await firstLine()
  if (password !== '' && Buffer.byteLength(password) <= MOST_BYTES) return password
  throw new MptkError('MPTK_USAGE', 'expected a password of 1 to 255 bytes on standard input')
}

async function askTwice(): Promise<string> {
  const [first, second] = await typedLines(['password: ', 'again: '])
  if (first === second && first !== undefined) return first
  throw new MptkError('MPTK_USAGE', 'expected the same password twice, found two')
}

const [BACKSPACE, DELETE, CTRL_C, CTRL_D, CTRL_U] = ['\b', '\x7f', '\x03', '\x04', '\x15']

/** A line for each prompt. In raw mode the terminal shows nothing and edits nothing: the few keys that people use here are done here. */
async function typedLines(prompts: readonly string[]): Promise<string[]> {
  const { stdin, stderr } = process
  const lines: string[] = []
  let typed: string[] = []
  // before the prompt: who has read it may type at once
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stderr.write(prompts[0] ?? '')
  try {
    return await new Promise<string[]>((resolve, reject) => {
      const endLine = (): void => {
        lines.push(typed.join(''))
        typed = []
        if (lines.length === prompts.length) resolve(lines)
        else stderr.write(`\n${prompts[lines.length] ?? ''}`)
      }
      stdin.on('data', (keys: string) => {
        for (const key of keys) {
          if (key === '\r' || key === '\n' || key === CTRL_D) endLine()
          else if (key === CTRL_C) reject(new MptkError('MPTK_USAGE', 'no password was given'))
          else if (key === CTRL_U) typed = []
          else if (key === BACKSPACE || key === DELETE) typed.pop()
          else typed.push(key)
        }
      })
      stdin.once('end', () => resolve([]))
      stdin.resume()
    })
  } finally {
    stdin.removeAllListeners('data').pause()
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
  }
}
