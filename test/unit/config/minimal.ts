/** The least that each kind of service needs, as an unchecked configuration. */

export const socks5 = (more: object = {}) => ({
  services: [{ type: 'socks5', listen: '127.0.0.1:1080', ...more }],
})
export const reverse = (more: object = {}) => ({
  services: [{ type: 'reverse-tcp', listen: '127.0.0.1:80', target: '10.0.0.1:80', ...more }],
})

export const connect = (more: object = {}) => ({
  services: [{ type: 'connect', listen: '127.0.0.1:3128', ...more }],
})

export const transparent = (more: object = {}) => ({
  services: [{ type: 'transparent', listen: '0.0.0.0:5201', ...more }],
})
