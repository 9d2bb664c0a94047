import { createInterface } from 'node:readline'
import type { CommandModule } from 'yargs'
import { hashPassword } from '../../proxy/users/password-hash.js'
import { MptkError } from '../errors.js'

/** `mptk passwd < file`: never as an argument, where every user of the machine could read it. */
export const passwdCommand: CommandModule = {
  command: 'passwd',
  describe: 'read a password from standard input and print its hash for passwordHash',
  async handler() {
    if (process.stdin.isTTY) process.stderr.write('password (shown as typed): ')
    const password = await firstLine()
    if (password === '' || Buffer.byteLength(password) > 255) {
      throw new MptkError('MPTK_USAGE', 'expected a password of 1 to 255 bytes on standard input')
    }
    console.log(await hashPassword(password))
  },
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
