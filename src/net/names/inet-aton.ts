/**
 * An IPv4 address in one of the older notations that getaddrinfo takes (inet_aton(3)): one to
 * four numbers, decimal, octal or hexadecimal, the last of which fills what is left.
 * @returns the dotted quad, or undefined for what is a name
 */
export function inetAton(text: string): string | undefined {
  const parts = text.split('.')
  const last = parts.pop() ?? ''
  if (parts.length > 3) return undefined
  const bytes = parts.map((part) => numberOf(part, 255))
  const room = 2 ** (8 * (4 - parts.length))
  const rest = numberOf(last, room - 1)
  if (rest === undefined || bytes.includes(undefined)) return undefined
  const value = bytes.reduce<number>((sum, byte, index) => sum + (byte ?? 0) * 2 ** (24 - 8 * index), rest)
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

function numberOf(text: string, most: number): number | undefined {
  const value = /^0x[\da-f]+$/i.test(text)
    ? parseInt(text, 16)
    : /^0[0-7]*$/.test(text)
      ? parseInt(text, 8)
      : /^[1-9]\d*$/.test(text)
        ? parseInt(text, 10)
        : NaN
  return value <= most ? value : undefined
}
