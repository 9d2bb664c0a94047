/** One entry of a users file written or replaced, everything else of the file left as it is. */
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Document, isMap, parseDocument } from 'yaml'
import { describeError, errnoName, MptkError } from '../errors.js'
import { loadUsers } from './load.js'

/** Readable by its owner only, unless the file is there and says otherwise. */
const MODE = 0o600

/** @returns whether the user was there already @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG */
export async function writeUser(file: string, name: string, passwordHash: string): Promise<boolean> {
  const text = await textOf(file)
  const document = text === undefined ? parseDocument('{}') : await checked(file, text)
  if (isMap(document.contents) && document.contents.items.length === 0) document.contents.flow = false
  const replaces = document.has(name)
  setUser(document, name, passwordHash)
  await replace(file, document.toString({ lineWidth: 0 }))
  return replaces
}

/** The entry as a line of a users file: `alice: { passwordHash: scrypt$… }`. */
export function userLine(name: string, passwordHash: string): string {
  const document = new Document({})
  setUser(document, name, passwordHash)
  return document.toString({ lineWidth: 0 })
}

function setUser(document: Document, name: string, passwordHash: string): void {
  document.set(name, document.createNode({ passwordHash }, { flow: true }))
}

/** A users file of ours: what is wrong with it is not made worse. */
async function checked(file: string, text: string): Promise<Document> {
  const document = parseDocument(text)
  if (document.contents === null) return parseDocument(text.trim() === '' ? '{}' : `${text}\n{}`)
  await loadUsers(file, undefined, () => Promise.resolve(text))
  return document
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (errnoName(cause) === 'ENOENT') return undefined
    throw failed(file, cause)
  }
}

/** Whole or not at all: written beside it, on the disk before it takes the name. Owner and mode stay. */
async function replace(file: string, text: string): Promise<void> {
  const beside = `${file}.${process.pid}.new`
  let handle: FileHandle | undefined
  try {
    const before = await stat(file).catch(() => undefined)
    handle = await open(beside, 'wx', MODE)
    if (before !== undefined) {
      if (before.uid !== process.getuid?.() || before.gid !== process.getgid?.()) {
        await handle.chown(before.uid, before.gid)
      }
      await handle.chmod(before.mode & 0o777)
    }
    await handle.writeFile(text)
    await handle.sync()
    await rename(beside, file)
    const folder = await open(dirname(file))
    await folder.sync().finally(() => folder.close())
  } catch (cause) {
    if (handle !== undefined) await rm(beside, { force: true })
    throw failed(file, cause)
  } finally {
    await handle?.close()
  }
}

function failed(file: string, cause: unknown): MptkError {
  return new MptkError('MPTK_CONFIG_FILE', `cannot write ${file}: ${describeError(cause)}`, { cause })
}
