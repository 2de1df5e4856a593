import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as pkcs11 from 'pkcs11js'
import { refuseLastTry } from '../../src/tokens/cryptoki.js'

test('leaves the last try of a PIN to whoever looks after the token', () => {
  refuseLastTry(pkcs11.CKF_TOKEN_INITIALIZED | pkcs11.CKF_USER_PIN_COUNT_LOW)
  assert.throws(() => refuseLastTry(pkcs11.CKF_USER_PIN_FINAL_TRY), { kind: 'pin', message: /one more wrong PIN would lock it/ })
  assert.throws(() => refuseLastTry(pkcs11.CKF_USER_PIN_LOCKED), { kind: 'pin', message: /its PIN is locked/ })
})
