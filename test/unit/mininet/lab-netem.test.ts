/**
 * What the lab tells tc to do for a link by netem, formatted without a kernel that has it. In public
 * reports of this kind: a percent sign in a command that goes through a second formatting.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const PYTHON = '/usr/bin/python3'
const FOLDER = fileURLToPath(new URL('../../../mininet', import.meta.url))
const withMininet = {
  skip: spawnSync(PYTHON, ['-c', 'import mininet.link']).status !== 0 && 'Mininet is not installed',
}

/** Mininet's own way through an interface's options, with every command written down instead of run. */
const SCRIPT = `
import json, sys
import lab_htb
from lab_htb import HtbInterface
from lab_netem import NetemInterface

commands = []

def record(argv, node=None):
    commands.append(" ".join(argv))
    return "noqueue" if "show" in argv else ""

lab_htb.run = record

def interface(kind, **options):
    it = object.__new__(kind)
    it.name, it.node = "wlan", None
    it.mac = it.ip = it.prefixLen = it.link = None
    it.cmd = lambda *words, **_: ""
    it.config(**options)
    return it

answer = []
for steps in json.load(sys.stdin):
    commands = []
    if steps["kind"] == "htb":
        it = interface(HtbInterface, bw=steps["built"]["rate"], max_queue_size=steps["built"]["queue"])
        it.set_rate(steps["changed"]["rate"])
        it.set_queue(steps["changed"]["queue"])
    else:
        it = interface(NetemInterface, settings=steps["built"])
        if "rate" in steps["changed"]:
            it.set_rate(steps["changed"]["rate"])
        it.change(steps["changed"])
    answer.append(commands)
json.dump(answer, sys.stdout)
`

const SHOW = 'tc qdisc show dev wlan'
const rate = (mbit: number): string[] => [
  'tc qdisc add dev wlan root handle 5:0 htb default 1',
  `tc class add dev wlan parent 5:0 classid 5:1 htb rate ${mbit.toFixed(6)}Mbit burst 15k quantum 1514`,
]
const otherRate = (mbit: number): string =>
  `tc class change dev wlan parent 5:0 classid 5:1 htb rate ${mbit.toFixed(6)}Mbit burst 15k quantum 1514`
const netem = (verb: string, parent: string, words: string): string =>
  `tc qdisc ${verb} dev wlan ${parent} handle 10: netem ${words}`

interface Case {
  kind: 'htb' | 'netem'
  built: object
  changed: object
  commands: string[]
}

const CASES: Record<string, Case> = {
  'a rate by HTB': {
    kind: 'htb',
    built: { rate: 20, queue: 66 },
    changed: { rate: 2.5, queue: 8 },
    commands: [
      SHOW,
      ...rate(20),
      'tc qdisc add dev wlan parent 5:1 handle 10: pfifo limit 66',
      otherRate(2.5),
      'tc qdisc change dev wlan parent 5:1 handle 10: pfifo limit 8',
    ],
  },
  'delay without loss, then with': {
    kind: 'netem',
    built: { rate: 20, queue: 66, delay: 10 },
    changed: { rate: 10, queue: 66, delay: 50, loss: 1.5 },
    commands: [
      SHOW,
      ...rate(20),
      netem('add', 'parent 5:1', 'limit 83 delay 10ms 0ms loss 0%'),
      otherRate(10),
      netem('change', 'parent 5:1', 'limit 107 delay 50ms 0ms loss 1.5%'),
    ],
  },
  'no rate; jitter, then everything lost': {
    kind: 'netem',
    built: { queue: 100, delay: 20, jitter: 5, jitterModel: 'normal' },
    changed: { queue: 100, delay: 20, loss: 100 },
    commands: [
      SHOW,
      netem('add', 'root', 'limit 1751 delay 20ms 5ms distribution normal loss 0%'),
      netem('change', 'root', 'limit 1751 delay 20ms 0ms loss 100%'),
    ],
  },
  bursts: {
    kind: 'netem',
    built: { rate: 10, queue: 20, burstLoss: { p: 1, r: 25 } },
    changed: { rate: 10, queue: 20, burstLoss: { p: 1, r: 25, inBad: 80, inGood: 0.5 } },
    commands: [
      SHOW,
      ...rate(10),
      netem('add', 'parent 5:1', 'limit 20 delay 0ms 0ms loss gemodel 1% 25% 100% 0%'),
      otherRate(10),
      netem('change', 'parent 5:1', 'limit 20 delay 0ms 0ms loss gemodel 1% 25% 80% 0.5%'),
    ],
  },
}

void t.test('commands of tc', withMininet, (t) => {
  const input = JSON.stringify(Object.values(CASES))
  const said = execFileSync(PYTHON, ['-c', SCRIPT], { cwd: FOLDER, input, encoding: 'utf8' })
  const found = JSON.parse(said) as string[][]
  for (const [index, [name, { commands }]] of Object.entries(CASES).entries()) {
    t.strictSame(found[index], commands, name)
  }
  t.end()
})
