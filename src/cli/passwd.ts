import type { CommandModule } from 'yargs'
import { hashPassword } from '../../proxy/users/password-hash.js'
import { credential } from '../config/service.js'
import { userLine, writeUser } from '../config/write-user.js'
import { MptkError } from '../errors.js'
import { readPassword } from './read-password.js'

interface PasswdArguments {
  name: string
  file: string | undefined
}

/** `mptk passwd NAME`: the password is never an argument, where every user of the machine could read it. */
export const passwdCommand: CommandModule<object, PasswdArguments> = {
  command: 'passwd <name>',
  describe: 'ask for the password of a user, and print or write the entry for a users file',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', demandOption: true, describe: 'name of the user' })
      .options({
        file: {
          type: 'string',
          requiresArg: true,
          describe: 'users file to write it to; without, the entry is printed',
        },
      })
      .example('mptk passwd alice', 'asks twice, and prints the line for the file')
      .example('mptk passwd alice --file users.yaml', 'writes or replaces it there')
      .example('mptk passwd alice < secret', 'takes the first line of standard input'),
  async handler({ name, file }) {
    if (!credential.safeParse(name).success) {
      throw new MptkError('MPTK_USAGE', `expected a name of 1 to 255 bytes, found ${JSON.stringify(name)}`)
    }
    const passwordHash = await hashPassword(await readPassword())
    if (file === undefined) {
      process.stdout.write(userLine(name, passwordHash))
      return
    }
    const replaced = await writeUser(file, name, passwordHash)
    console.log(`${file}: ${name} ${replaced ? 'has a new password' : 'added'}`)
  },
}
