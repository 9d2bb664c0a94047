/** What the word `private` stands for where destinations are listed. */

export const PRIVATE = 'private'

/** RFC 1918, RFC 6598, RFC 4193, link-local (RFC 3927, RFC 4291), and the site-local of old (RFC 3879). */
export const PRIVATE_NETWORKS = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
] as const
