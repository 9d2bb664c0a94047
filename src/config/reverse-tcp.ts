/** `type: reverse-tcp`. */
import { z } from 'zod'
import { egress, serviceKeys } from './service.js'
import { destination } from './values.js'

const A_SITE = 'expected the name of a site as www.example.org or *.example.org'
const siteName = z
  .string()
  .regex(/^(\*\.)?(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?$/i, A_SITE)

export const reverseTcp = z
  .strictObject({
    type: z.literal('reverse-tcp'),
    ...serviceKeys,
    /** Of every connection; with `sites`, of those that no site matches. */
    target: destination.optional(),
    /** What names the site: the TLS client's server name, or the host of the first HTTP request. */
    choose: z.enum(['sni', 'host']).optional(),
    sites: z.record(siteName, destination).optional(),
    /** Tells backends who the client is. */
    proxyProtocol: z.enum(['v1', 'v2']).optional(),
    egress: egress.prefault({}),
  })
  .superRefine((value, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message })
    const { target, choose, sites } = value
    if (sites === undefined) {
      if (choose !== undefined) refuse(['sites'], `expected sites to choose from by ${choose}, found nothing`)
      else if (target === undefined) refuse(['target'], 'expected a target or sites, found neither')
      return
    }
    const names = Object.keys(sites)
    if (names.length === 0) refuse(['sites'], 'expected at least one site, found an empty map')
    if (choose === undefined) refuse(['choose'], 'expected sni or host to choose among sites, found nothing')
    const seen = new Set<string>()
    for (const name of names) {
      const plain = name.toLowerCase().replace(/\.$/, '')
      if (seen.has(plain)) refuse(['sites', name], `expected each site once, found ${plain} twice`)
      seen.add(plain)
    }
  })

export type ReverseTcpConfig = z.output<typeof reverseTcp>
