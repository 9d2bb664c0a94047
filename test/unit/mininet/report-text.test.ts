import t from 'tap'
import { markup } from '../../../mininet/report/markup.js'
import { count, duration, figure, moment, wrap } from '../../../mininet/report/text.js'

void t.test('figures as they are read', (t) => {
  const expected: [number | null | undefined, string][] = [
    [27.931, '27.9'],
    [9.4, '9.40'],
    [123.456, '123.5'],
    [1234.5, '1235'],
    [15, '15'],
    [0, '0'],
    [0.004213, '0.0042'],
    [-3.25, '−3.25'],
    [null, '–'],
    [undefined, '–'],
    [NaN, '–'],
    [Infinity, '–'],
  ]
  for (const [value, text] of expected) t.equal(figure(value), text, String(value))
  t.end()
})

void t.test('names are broken where words end, and nothing of them is lost', (t) => {
  t.same(wrap('interface down and up', 13), ['interface', 'down and up'])
  t.same(wrap('cubic/out-of-tree', 9), ['cubic/', 'out-of-', 'tree'])
  t.same(wrap('a'.repeat(20), 8), ['aaaaaaaa', 'aaaaaaaa', 'aaaa'])
  t.same(wrap('short', 13), ['short'])
  t.same(wrap('', 13), [''])
  const name = 'WLAN 20 Mbit/s, cellular-at-100 ms🙂🙂🙂🙂🙂🙂🙂🙂'
  t.equal(wrap(name, 7).join('').replaceAll(' ', ''), name.replaceAll(' ', ''))
  t.end()
})

void t.test('durations, counts, dates', (t) => {
  t.equal(duration(36.4), '36 s')
  t.equal(duration(119.7), '2 min 0 s')
  t.equal(count(1, 'variant'), '1 variant')
  t.equal(count(0, 'variant'), '0 variants')
  t.equal(moment('2026-11-21T09:05:31.123Z'), '2026-11-21 09:05 UTC')
  t.equal(moment('yesterday'), 'yesterday')
  t.end()
})

void t.test('markup: what is put in is text, unless it is markup', (t) => {
  const inner = markup`<b>${'<i> & "x"'}</b>`
  t.equal(inner.html, '<b>&lt;i&gt; &amp; &quot;x&quot;</b>')
  t.equal(
    markup`<p title="${`a"b'c`}">${[inner, 3, undefined, ['<']]}</p>`.html,
    `<p title="a&quot;b&#39;c">${inner.html}3&lt;</p>`,
  )
  t.end()
})
