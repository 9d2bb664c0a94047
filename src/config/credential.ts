/**
 * Files that systemd hands to a service which could not read them itself (LoadCredential=): each
 * under a name of its own in the folder that $CREDENTIALS_DIRECTORY names.
 */
import { createHash } from 'node:crypto'
import { basename, join, resolve } from 'node:path'
import { accessSync } from 'node:fs'

/** What the unit calls the copy of a file: to be told from other files of that name, and a name that systemd takes. */
export function credentialName(file: string): string {
  const path = resolve(file)
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 12)
  return `${basename(path).replaceAll(/[^\w.-]/g, '_')}-${digest}`.slice(-200)
}

/** The copy where systemd has made one for us, else the file itself. */
export function handedOver(file: string): string {
  const folder = process.env['CREDENTIALS_DIRECTORY']
  if (folder === undefined || folder === '') return file
  const copy = join(folder, credentialName(file))
  try {
    accessSync(copy)
    return copy
  } catch {
    return file
  }
}
