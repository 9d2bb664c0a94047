/** What the first bytes of a connection say about the site it is for, by TLS or by HTTP, and whose that is. */
import type { Destination } from '../../src/address.js'
import { plainName, type Sites } from './site-name.js'

/**
 * - `site`: they name one.
 * - `nameless`: right bytes of the protocol, which name none.
 * - `foreign`: not this protocol, or a form of it that we do not read.
 * - `invalid`: the protocol itself says to refuse them.
 */
export type Opening =
  { kind: 'site'; name: string } | { kind: 'nameless' | 'foreign' | 'invalid'; why: string }

/** Why a client is turned away. */
export type Refusal = 'unknown' | 'nameless' | 'foreign' | 'invalid' | 'unreachable' | 'limit'

export interface Place {
  destination: Destination
  /** In its plain form, where one was named. */
  site?: string
}

/** @param fallback for what names no site of ours; undefined: such clients are refused */
export function placeOf(
  opening: Opening,
  sites: Sites,
  fallback: Destination | undefined,
): Place | { refusal: Refusal; why: string } {
  const site = opening.kind === 'site' ? plainName(opening.name) : undefined
  const known = site === undefined ? undefined : sites.find(site)
  const destination = known ?? (opening.kind === 'invalid' ? undefined : fallback)
  if (destination !== undefined) return { destination, ...(site !== undefined && { site }) }
  return opening.kind === 'site'
    ? { refusal: 'unknown', why: `no site is called ${JSON.stringify(site)}` }
    : { refusal: opening.kind, why: opening.why }
}
