/**
 * Files that decide what mptk does, or that hold secrets. As root it reads only what nobody but
 * root could have written, as sshd (StrictModes) has it; of secrets that everybody may read it
 * warns, as wg-quick does. Everything is asked of the open file, so that what was judged is what
 * is read.
 */
import { constants, type Stats } from 'node:fs'
import { lstat, open, readFile, readlink, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { describeError, errnoName, MptkError } from '../errors.js'
import { shellWord } from '../shell-quote.js'
import { handedOver } from './credential.js'

export interface TrustedFile {
  text: string
  /** By everybody on this host, folders considered. */
  readableByAll: boolean
}

/** Configurations, users and passwords are far smaller: this is a wrong file. */
const MOST_BYTES = 16 * 1024 * 1024

/** S_ISVTX */
const STICKY = 0o1000

/** @throws {MptkError} MPTK_CONFIG_FILE when it cannot be read, MPTK_UNTRUSTED_FILE when others may change it */
export async function readTrustedFile(file: string): Promise<TrustedFile> {
  let handle: FileHandle | undefined
  try {
    const source = handedOver(file)
    handle = await open(source, constants.O_RDONLY)
    const readableByAll = await judge(source, handle)
    return { text: await contentOf(handle), readableByAll }
  } catch (cause) {
    if (cause instanceof MptkError) throw cause
    throw new MptkError('MPTK_CONFIG_FILE', `cannot read ${file}: ${describeError(cause)}`, { cause })
  } finally {
    await handle?.close()
  }
}

/** For a file that another program reads and acts on, as ssh its configuration. @throws as {@link readTrustedFile} */
export async function checkTrustedFile(file: string): Promise<void> {
  await readTrustedFile(file)
}

/** The line to say when {@link TrustedFile.readableByAll} and there are secrets in it. */
export function readableSecret(file: string): string {
  return `${file}: everybody on this host may read the secrets in it: chmod o-rwx ${shellWord(file)}`
}

async function judge(file: string, handle: FileHandle): Promise<boolean> {
  const stats = await handle.stat()
  if (!stats.isFile() && !stats.isFIFO()) throw new Error('expected a file, found something else')
  const opened = await readlink(`/proc/self/fd/${handle.fd}`)
  const names = [...new Set([...waysTo(resolve(file)), ...(opened.startsWith('/') ? waysTo(opened) : [])])]
  const ways = await Promise.all(names.map(async (name) => [name, await lookAt(name)] as const))
  const found: (readonly [string, Stats])[] = [
    ...ways.filter((way): way is readonly [string, Stats] => way[1] !== undefined),
    [file, stats],
  ]
  if (isRoot()) {
    const owners = await trustedOwners()
    for (const [name, each] of found) refuseOthers(file, name, each, owners)
  }
  // an open pipe has no folders
  const reachable = found.every(([, each]) => !each.isDirectory() || (each.mode & 0o001) !== 0)
  return stats.isFile() && (stats.mode & 0o004) !== 0 && reachable
}

/** Every folder above, and what may be a link on the way. */
function waysTo(path: string): string[] {
  const folder = dirname(path)
  return folder === path ? [path] : [...waysTo(folder), path]
}

/** Undefined for what is gone, never had a name here, or is out of our reach though it is open. */
async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    const name = errnoName(error) ?? ''
    if (['ENOENT', 'ENOTDIR'].includes(name) || (name === 'EACCES' && !isRoot())) return undefined
    throw error
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** Root, whoever became root by sudo, and in a user namespace whoever has no number there, as the real root. */
async function trustedOwners(): Promise<ReadonlySet<number>> {
  const sudo = Number(process.env['SUDO_UID'] ?? NaN)
  const owners = new Set(Number.isInteger(sudo) ? [0, sudo] : [0])
  if (hidesRoot(await readFile('/proc/self/uid_map', 'utf8'))) {
    owners.add(Number(await readFile('/proc/sys/kernel/overflowuid', 'utf8')))
  }
  return owners
}

/** @param map user_namespaces(7): inside, outside, count. True when user 0 outside is nobody inside. */
export function hidesRoot(map: string): boolean {
  const lines = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return !lines.some(([, outside]) => outside === '0')
}

function refuseOthers(file: string, name: string, stats: Stats, owners: ReadonlySet<number>): void {
  const mend = (found: string, command: string): MptkError =>
    new MptkError(
      'MPTK_UNTRUSTED_FILE',
      `${file}: root does what this file says: expected it and its folders to be changed by nobody else, found ${name} ${found}: ${command} ${shellWord(name)}`,
    )
  if (!owners.has(stats.uid)) throw mend(`of user ${stats.uid}`, 'chown root')
  // a link has no mode of its own, and in a sticky folder everybody only disposes of what is his
  if (stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0)) return
  const others = stats.gid === 0 ? 0o002 : 0o022
  if ((stats.mode & others) === 0) return
  throw mend(`with mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')}`, 'chmod go-w')
}

async function contentOf(handle: FileHandle): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for (;;) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(65_536), 0, 65_536, null)
    if (bytesRead === 0) return Buffer.concat(parts).toString('utf8')
    length += bytesRead
    if (length > MOST_BYTES) throw new Error(`expected at most ${MOST_BYTES} bytes, found more`)
    parts.push(buffer.subarray(0, bytesRead))
  }
}
