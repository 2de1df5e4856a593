import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withKeys } from '../../src/cli/settings.js'

const INI = `; About the file.
listen=[::0]:25
;user=pec

[provider]
; The name.
; name = Provider A

[store]
; Where: HOST = PORT is not a setting.
lmtp = 127.0.0.1:2424
embedded = true

[routes]
`

describe('setting keys of an ini file', () => {
  test('leaves all that is not set as it is', () => assert.equal(withKeys(INI, {}), INI))

  test('changes a value in its place', () => {
    assert.equal(withKeys(INI, { store: { lmtp: '127.0.0.1:24' } }), INI.replace('lmtp = 127.0.0.1:2424', 'lmtp = 127.0.0.1:24'))
  })

  test('sets what is there as a comment in the place of it', () => {
    assert.equal(
      withKeys(INI, { provider: { name: 'B & "C" $1' } }),
      INI.replace('; name = Provider A', () => 'name = B & "C" $1'),
    )
    assert.equal(withKeys(INI, { main: { user: 'haraka' } }), INI.replace(';user=pec', 'user = haraka'))
  })

  test('sets the key, not a comment that shows it', () => {
    const text = '[a]\n; key = example\nkey = 1\n'
    assert.equal(withKeys(text, { a: { key: '2' } }), '[a]\n; key = example\nkey = 2\n')
  })

  test('adds what is nowhere at the end of its section', () => {
    assert.equal(
      withKeys(INI, { store: { other: '1' }, main: { first: '2' } }),
      INI.replace('embedded = true\n', 'embedded = true\nother = 1\n').replace(';user=pec\n', ';user=pec\nfirst = 2\n'),
    )
    assert.equal(
      withKeys(INI, { routes: { 'pec-b.test': '127.0.0.1:25' } }),
      INI.replace('[routes]\n', '[routes]\npec-b.test = 127.0.0.1:25\n'),
    )
  })

  test('adds sections that are not there', () => {
    assert.equal(withKeys('[a]\nx = 1\n', { b: { y: '2', z: '3' } }), '[a]\nx = 1\n\n[b]\ny = 2\nz = 3\n')
  })

  test('tells keys of the same name in different sections apart', () => {
    assert.equal(withKeys('[a]\nfile = 1\n[b]\nfile = 1\n', { b: { file: '2' } }), '[a]\nfile = 1\n[b]\nfile = 2\n')
  })
})
