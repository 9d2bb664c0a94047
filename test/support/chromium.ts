/** Debian's Chromium without a screen, driven over its debugging pipe: what a page really looks like. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { scratchFolder } from './scratch.js'

const PROGRAM = '/usr/bin/chromium'
/** Opening a page takes a hundredth of this, milliseconds. */
const PATIENCE = 60_000

interface Message {
  id?: number
  /** Of the page that it is about. */
  sessionId?: string
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: { message: string }
}

export interface View {
  width: number
  scheme?: 'light' | 'dark'
  media?: 'screen' | 'print'
}

/** A browser for one test, ended with it. @param options further ones of Chromium's command line */
export function openBrowser(t: Test, ...options: string[]): Promise<Browser> {
  return openBrowserIn(t, [], ...options)
}

/** @param prefix words that take a command to where the browser shall run */
export async function openBrowserIn(
  t: Test,
  prefix: readonly string[],
  ...options: string[]
): Promise<Browser> {
  const profile = scratchFolder(t)
  const [command = PROGRAM, ...rest]: string[] = [...prefix, PROGRAM]
  const child = spawn(
    command,
    [
      ...rest,
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
      '--no-first-run',
      `--user-data-dir=${profile}`,
      '--remote-debugging-pipe',
      ...options,
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } },
  )
  const browser = new Browser(child)
  t.teardown(() => browser.close())
  await browser.ready()
  return browser
}

export class Browser {
  readonly #child: ChildProcess
  readonly #pipe: Writable
  readonly #waiting = new Map<
    number,
    { resolve: (message: Message) => void; reject: (error: Error) => void }
  >()
  readonly #ended: Promise<unknown>
  #listener: (message: Message) => void = () => undefined
  #next = 1
  #rest = ''

  constructor(child: ChildProcess) {
    this.#child = child
    this.#pipe = child.stdio[3] as Writable
    this.#pipe.on('error', (error) => this.#fail(error))
    this.#ended = once(child, 'close').catch(() => undefined)
    child.on('error', () =>
      this.#fail(new Error(`${PROGRAM} is missing: run scripts/install-lab-tools.sh as root`)),
    )
    child.on('exit', (code, signal) =>
      this.#fail(new Error(`Chromium ended: ${signal ?? code ?? 'unknown'}`)),
    )
    const answers = child.stdio[4] as Readable
    answers.setEncoding('utf8').on('data', (chunk: string) => this.#receive(chunk))
  }

  async ready(): Promise<void> {
    await this.send('Browser.getVersion')
  }

  /** Loads a file or an address; resolves when all of it is there. */
  async open(what: string | URL, view: View): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page(this, String(sessionId))
    // that of about:blank may end while this listens already
    const loaded = new Set<unknown>()
    let wake: () => void = () => undefined
    this.#listener = (message) => {
      if (message.sessionId !== sessionId) return
      page.note(message)
      if (message.method !== 'Page.lifecycleEvent' || message.params?.['name'] !== 'load') return
      loaded.add(message.params['loaderId'])
      wake()
    }
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await page.send(`${domain}.enable`)
    await page.send('Page.setLifecycleEventsEnabled', { enabled: true })
    await page.look(view)
    const url = (what instanceof URL ? what : pathToFileURL(what)).href
    const { loaderId } = await page.send('Page.navigate', { url })
    while (!loaded.has(loaderId)) await new Promise<void>((resolve) => (wake = resolve))
    return page
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#next++
    const answer = new Promise<Message>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    const timer = setTimeout(() => this.#fail(new Error(`Chromium does not answer ${method}`)), PATIENCE)
    try {
      this.#pipe.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
      const { result, error } = await answer
      if (error !== undefined) throw new Error(`${method}: ${error.message}`)
      return result ?? {}
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return
    await this.send('Browser.close').catch(() => this.#child.kill('SIGKILL'))
    await this.#ended
  }

  #receive(chunk: string): void {
    const messages = (this.#rest + chunk).split('\0')
    this.#rest = messages.pop() ?? ''
    for (const text of messages) {
      const message = JSON.parse(text) as Message
      if (message.id === undefined) this.#listener(message)
      else this.#waiting.get(message.id)?.resolve(message)
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}

export class Page {
  /** Addresses of all that was asked for, the page itself included. */
  readonly requests: string[] = []
  /** What the console shows: messages, exceptions, refusals by the content security policy. */
  readonly complaints: string[] = []
  readonly #browser: Browser
  readonly #session: string

  constructor(browser: Browser, session: string) {
    this.#browser = browser
    this.#session = session
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#session)
  }

  note({ method, params = {} }: Message): void {
    if (method === 'Network.requestWillBeSent') {
      this.requests.push((params as { request: { url: string } }).request.url)
    }
    if (method === 'Runtime.consoleAPICalled' || method === 'Runtime.exceptionThrown') {
      this.complaints.push(JSON.stringify(params))
    }
    if (method === 'Log.entryAdded') this.complaints.push((params as { entry: { text: string } }).entry.text)
  }

  /** As seen through such a window. */
  async look({ width, scheme = 'light', media = 'screen' }: View): Promise<void> {
    const size = { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 }
    await this.send('Emulation.setDeviceMetricsOverride', size)
    const features = [{ name: 'prefers-color-scheme', value: scheme }]
    await this.send('Emulation.setEmulatedMedia', { media, features })
  }

  /** The value of a script's expression, run in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.send('Runtime.evaluate', { expression, returnByValue: true })
    const { result, exceptionDetails } = answer as {
      result: { value: T }
      exceptionDetails?: { exception?: { description?: string } }
    }
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? 'exception')
    return result.value
  }

  /** All of the page, PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true })
    return Buffer.from(String(data), 'base64')
  }

  /** As printed, PDF. */
  async print(): Promise<Buffer> {
    const { data } = await this.send('Page.printToPDF', { printBackground: false })
    return Buffer.from(String(data), 'base64')
  }
}
