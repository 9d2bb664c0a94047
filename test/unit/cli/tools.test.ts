// The commands that only print: schema, passwd, check, version, help.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../support/process.js'

interface Schema {
  $schema: string
  type: string
  required: string[]
  additionalProperties: boolean
  properties: Record<string, Schema>
  items: { oneOf?: Schema[]; anyOf?: Schema[] }
}

void t.test('mptk schema', async (t) => {
  const { code, stdout, stderr } = await run(t, ['schema'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const schema = JSON.parse(stdout) as Schema
  t.match(schema, {
    $schema: /^https:\/\/json-schema\.org\//,
    type: 'object',
    required: ['services'],
    additionalProperties: false,
  })
  t.strictSame(Object.keys(schema.properties), ['services', 'host', 'status', 'log', 'relay', 'nat64'])
  const { items } = schema.properties['services'] ?? {}
  const services = items?.oneOf ?? items?.anyOf ?? []
  t.ok(services.length > 1)
  for (const { required } of services) {
    t.strictSame(required, ['type', 'listen'], 'what has a default need not be written')
  }
  t.ok(
    services.every((each) => 'timeouts' in each.properties && !each.additionalProperties),
    'the keys of every kind of service are there',
  )
})

void t.test('mptk without-fast-open', async (t) => {
  const words = ['-c', 'echo "$1 $2"; exit 7', 'sh', '053', '--help']
  t.strictSame(await run(t, ['without-fast-open', '--', '/bin/sh', ...words]), {
    code: 7,
    signal: null,
    stdout: '053 --help\n',
    stderr: '',
  })
  for (const words of [[], ['--'], ['--', 'sh'], ['/bin/sh']]) {
    t.match(await run(t, ['without-fast-open', ...words]), {
      code: 2,
      stdout: '',
      stderr: /^mptk: expected -- and the absolute path of a program, found "/,
    })
  }
})

void t.test('mptk check', async (t) => {
  const folder = t.testdir({
    'good.yaml':
      'services:\n  - { type: socks5, listen: "127.0.0.1:1" }\n  - { type: reverse-tcp, listen: "0.0.0.0:2", target: "a.example:3" }\n',
  })
  const file = join(folder, 'good.yaml')
  t.match(await run(t, ['check', '--config', file]), {
    code: 0,
    stdout: new RegExp(`^${file}: ok, 2 services\nnot checked: whether ports are free`),
    stderr: '',
  })
})

void t.test('mptk --version and --help', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.match(await run(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  const { code, stdout, stderr } = await run(t, ['--help'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  for (const command of ['run', 'socks5', 'reverse', 'doctor', 'check', 'schema', 'passwd']) {
    t.match(stdout, new RegExp(`^ +mptk ${command} +\\S`, 'm'), `help names ${command}`)
  }
  t.match(stdout, /^Run a proxy:\n/m, 'by what one wants to do')
  t.match(stdout, /^Examples:\n( {2}.*mptk .*\n)+/m)
  t.match(stdout, /^Documentation: /m)
  t.notMatch(stdout, 'without-fast-open', 'what is for programs only is not offered')
  const help = { code: 0, stdout, stderr: '' }
  t.match(await run(t, ['help']), help)
  t.match(await run(t, []), { ...help, code: 2 }, 'no command: the help, and an exit code that tells scripts')
  t.match(await run(t, ['version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  t.match(await run(t, ['help', 'check']), { code: 0, stdout: /^mptk check\n/, stderr: '' })
})
