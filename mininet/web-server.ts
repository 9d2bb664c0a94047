/** nginx on a host of the lab: `/file` to fetch, `/upload/NAME` to send to. */
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabHost } from './lab-host.js'
import type { LabProcess } from './lab-process.js'

export interface WebOptions {
  /** Where the file, uploads and nginx's state go. */
  folder: string
  /** Bytes of `/file`, random. */
  size: number
}

/** Returns when the server answers at `url`. It ends with the lab. @throws {MptkError} MPTK_EXEC */
export async function startWebServer(
  host: LabHost,
  url: string,
  { folder, size }: WebOptions,
): Promise<LabProcess> {
  await mkdir(join(folder, 'www'), { recursive: true })
  await mkdir(join(folder, 'upload'), { recursive: true })
  await writeFile(join(folder, 'www', 'file'), randomBytes(size))
  await writeFile(join(folder, 'nginx.conf'), nginxConfig(folder))
  const nginx = host.spawn([
    'nginx',
    '-p',
    folder,
    '-e',
    'stderr',
    '-c',
    join(folder, 'nginx.conf'),
    '-g',
    'daemon off;',
  ])
  // curl's own retry is the wait for the listener
  await host.run(['curl', '-sS', '--retry', '30', '--retry-connrefused', '--retry-delay', '1', '-I', url])
  return nginx
}

function nginxConfig(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${folder}/temp;`)
    .join('\n')
  return `user root;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
${temporary}
  server {
    listen 80;
    listen [::]:80;
    root ${folder}/www;
    location /upload/ {
      root ${folder};
      client_max_body_size 0;
      dav_methods PUT;
    }
  }
}
`
}
