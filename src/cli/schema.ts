import type { CommandModule } from 'yargs'
import { z } from 'zod'
import { configSchema } from '../config/schema.js'

/** `mptk schema`: for editors that complete and check YAML by a JSON schema. */
export const schemaCommand: CommandModule = {
  command: 'schema',
  describe: 'print the JSON schema of the configuration file',
  handler() {
    const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' })
    console.log(JSON.stringify({ title: 'mptcp-toolkit configuration', ...schema }, null, 2))
  },
}
