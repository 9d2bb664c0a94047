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
  const first = await ask('password: ')
  if ((await ask('again: ')) === first) return first
  throw new MptkError('MPTK_USAGE', 'expected the same password twice, found two')
}

const [BACKSPACE, DELETE, CTRL_C, CTRL_D, CTRL_U] = ['\b', '\x7f', '\x03', '\x04', '\x15']

/** In raw mode the terminal shows nothing and edits nothing: the few keys that people use here are done here. */
async function ask(prompt: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(prompt)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  let typed: string[] = []
  try {
    return await new Promise<string>((resolve, reject) => {
      const onData = (keys: string): void => {
        for (const key of keys) {
          if (key === '\r' || key === '\n' || key === CTRL_D) {
            stdin.off('data', onData)
            resolve(typed.join(''))
            return
          }
          if (key === CTRL_C) {
            stdin.off('data', onData)
            reject(new MptkError('MPTK_USAGE', 'no password was given'))
            return
          }
          if (key === CTRL_U) typed = []
          else if (key === BACKSPACE || key === DELETE) typed.pop()
          else typed.push(key)
        }
      }
      stdin.on('data', onData)
      stdin.once('end', () => resolve(typed.join('')))
    })
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
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
