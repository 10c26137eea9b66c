#!/usr/bin/python3
"""A small eMRTD chip for vpcd, written from Doc 9303 parts 10 and 11 and TR-03110 alone.

It shares nothing with the Go code: curves come from OpenSSL's parameters with arithmetic of its own, ciphers and RSA from
python3-cryptography, certificates and the SOD from the openssl command. It is as plain and strict as chips get: SELECT by
file identifier, READ BINARY with short lengths, no short file identifiers, no extended length, one mistake under secure
messaging ends the session.

  chip.py --slot unix:/path/of/vpcd/slot --out DIR --access pace --parameter 18 --cipher AES256 --aa 2048 --ca 13:AES128

DIR receives csca.der and every file as it is on the chip, so that a reader's copy can be held against them.
"""
import argparse
import hashlib
import os
import secrets
import socket
import struct
import subprocess
import sys

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CURVES = {8: 'prime192v1', 9: 'brainpoolP192r1', 10: 'secp224r1', 11: 'brainpoolP224r1', 12: 'prime256v1', 13: 'brainpoolP256r1',
          14: 'brainpoolP320r1', 15: 'secp384r1', 16: 'brainpoolP384r1', 17: 'brainpoolP512r1', 18: 'secp521r1'}
AID = bytes.fromhex('A0000002471001')


# --- data objects -------------------------------------------------------------------------------------------------------------

def tlv(tag, *values):
    value = b''.join(values)
    t = tag.to_bytes((tag.bit_length() + 7) // 8, 'big')
    n = len(value)
    if n < 0x80:
        return t + bytes([n]) + value
    size = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return t + bytes([0x80 | len(size)]) + size + value


def parse(b):
    """Yields (tag, value, raw) of the objects in b."""
    i = 0
    while i < len(b):
        start, tag = i, b[i]
        i += 1
        if tag & 0x1F == 0x1F:
            while True:
                tag = tag << 8 | b[i]
                i += 1
                if b[i - 1] & 0x80 == 0:
                    break
        n = b[i]
        i += 1
        if n & 0x80:
            size = n & 0x7F
            n = int.from_bytes(b[i:i + size], 'big')
            i += size
        if i + n > len(b):
            raise ValueError('cut')
        yield tag, b[i:i + n], b[start:i + n]
        i += n


def find(b, want):
    for tag, value, _ in parse(b):
        if tag == want:
            return value
    return None


def oid(dotted):
    arcs = [int(a) for a in dotted.split('.')]
    arcs = [arcs[0] * 40 + arcs[1]] + arcs[2:]
    out = b''
    for a in arcs:
        part = bytes([a & 0x7F])
        while a > 0x7F:
            a >>= 7
            part = bytes([a & 0x7F | 0x80]) + part
        out += part
    return out


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))


# --- curves -------------------------------------------------------------------------------------------------------------------

class Curve:
    def __init__(self, name):
        self.name = name
        der = subprocess.run(['openssl', 'ecparam', '-name', name, '-param_enc', 'explicit', '-outform', 'DER'],
                             capture_output=True, check=True).stdout
        self.explicit = der
        parts = [v for _, v, _ in parse(list(parse(der))[0][1])]
        self.p = int.from_bytes([v for _, v, _ in parse(parts[1])][1], 'big')
        self.a, self.b = [int.from_bytes(v, 'big') for _, v, _ in parse(parts[2])][:2]
        self.size = (self.p.bit_length() + 7) // 8
        self.n = int.from_bytes(parts[4], 'big')
        g = parts[3]
        if g[0] != 4:  # compressed: not what OpenSSL prints by default
            raise ValueError('compressed generator')
        self.g = (int.from_bytes(g[1:1 + self.size], 'big'), int.from_bytes(g[1 + self.size:], 'big'))

    def on(self, q):
        x, y = q
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - x * x * x - self.a * x - self.b) % self.p == 0

    def add(self, q, r):
        if q is None:
            return r
        if r is None:
            return q
        p = self.p
        if q[0] == r[0]:
            if (q[1] + r[1]) % p == 0:
                return None
            slope = (3 * q[0] * q[0] + self.a) * pow(2 * q[1], -1, p)
        else:
            slope = (r[1] - q[1]) * pow(r[0] - q[0], -1, p)
        x = (slope * slope - q[0] - r[0]) % p
        return x, (slope * (q[0] - x) - q[1]) % p

    def mul(self, q, k):
        """Double and add in Jacobian coordinates (x/z², y/z³), one inversion at the end."""
        p, (qx, qy), x, y, z = self.p, q, 1, 1, 0
        for bit in bin(k % self.n)[2:]:
            if z:
                yy = y * y % p
                d = 4 * x * yy % p
                m = (3 * x * x + self.a * pow(z, 4, p)) % p
                x, z0 = (m * m - 2 * d) % p, z
                z = 2 * y * z0 % p
                y = (m * (d - x) - 8 * yy * yy) % p
            if bit == '0':
                continue
            if not z:
                x, y, z = qx, qy, 1
                continue
            zz = z * z % p
            h, r = (qx * zz - x) % p, (qy * zz * z - y) % p
            if h == 0:  # the sum of equal or opposite points: the plain way knows both
                one = self.affine(x, y, z)
                both = self.add(one, q)
                x, y, z = (both[0], both[1], 1) if both else (1, 1, 0)
                continue
            hh = h * h % p
            v = x * hh % p
            x = (r * r - h * hh - 2 * v) % p
            y = (r * (v - x) - y * h * hh) % p
            z = z * h % p
        return self.affine(x, y, z) if z else None

    def affine(self, x, y, z):
        i = pow(z, -1, self.p)
        return x * i * i % self.p, y * i * i * i % self.p

    def encode(self, q):
        return b'\x04' + q[0].to_bytes(self.size, 'big') + q[1].to_bytes(self.size, 'big')

    def decode(self, b):
        if len(b) != 1 + 2 * self.size or b[0] != 4:
            raise ValueError('not an uncompressed point')
        q = int.from_bytes(b[1:1 + self.size], 'big'), int.from_bytes(b[1 + self.size:], 'big')
        if not self.on(q):
            raise ValueError('not on the curve')
        return q

    def pair(self, base):
        k = secrets.randbelow(self.n - 1) + 1
        return k, self.mul(base, k)


# --- ciphers and secure messaging ------------------------------------------------------------------------------------------------

class Suite:
    """A cipher of Doc 9303-11: 3DES, AES128, AES192, AES256."""
    arcs = {'3DES': '1', 'AES128': '2', 'AES192': '3', 'AES256': '4'}

    def __init__(self, name):
        self.name, self.arc = name, self.arcs[name]
        self.block = 8 if name == '3DES' else 16
        self.key = 16 if name == '3DES' else int(name[3:]) // 8

    def kdf(self, secret, counter):
        h = hashlib.sha1 if self.key == 16 else hashlib.sha256
        return h(secret + struct.pack('>I', counter)).digest()[:self.key]

    def cipher(self, key, iv):
        a = algorithms.TripleDES(key + key[:8]) if self.name == '3DES' else algorithms.AES(key)
        return Cipher(a, modes.CBC(iv or bytes(self.block)))

    def encrypt(self, key, data, iv=None):
        e = self.cipher(key, iv).encryptor()
        return e.update(data) + e.finalize()

    def decrypt(self, key, data, iv=None):
        d = self.cipher(key, iv).decryptor()
        return d.update(data) + d.finalize()

    def pad(self, data):
        return data + b'\x80' + bytes(-(len(data) + 1) % self.block)

    def mac(self, key, data):
        """data unpadded for AES, as CMAC has it; the retail MAC pads."""
        if self.name != '3DES':
            c = cmac.CMAC(algorithms.AES(key))
            c.update(data)
            return c.finalize()[:8]
        one, two = key[:8] * 3, key[8:] * 3

        def des(k, b, forward):
            c = Cipher(algorithms.TripleDES(k), modes.ECB())
            f = c.encryptor() if forward else c.decryptor()
            return f.update(b) + f.finalize()
        y = bytes(8)
        data = self.pad(data)
        for i in range(0, len(data), 8):
            y = des(one, bytes(a ^ b for a, b in zip(y, data[i:i + 8])), True)
        return des(one, des(two, y, False), True)


class Session:
    def __init__(self, suite, secret, ssc=None):
        self.s = suite
        self.enc, self.mac = suite.kdf(secret, 1), suite.kdf(secret, 2)
        self.ssc = int.from_bytes(ssc, 'big') if ssc else 0

    def count(self):
        self.ssc += 1
        n = self.ssc.to_bytes(self.s.block, 'big')
        iv = None if self.s.name == '3DES' else self.s.encrypt(self.enc, n)
        return n, iv

    def seal(self, n, message):
        if self.s.name != '3DES':
            message = self.s.pad(message)
        return self.s.mac(self.mac, n + message)

    def unwrap(self, header, body):
        n, iv = self.count()
        objects = list(parse(body))
        if not objects or objects[-1][0] != 0x8E:
            raise Status(0x6987)
        covered = b''.join(raw for tag, _, raw in objects[:-1])
        head = self.s.pad(header) + covered
        if covered == b'':
            head = header  # its padding comes with the checksum
        if self.seal(n, head) != objects[-1][1]:
            raise Status(0x6988)
        data, le = b'', None
        for tag, value, _ in objects[:-1]:
            if tag == 0x87:
                if value[0] != 1:
                    raise Status(0x6988)
                value = value[1:]
            if tag in (0x85, 0x87):
                data = self.s.decrypt(self.enc, value, iv)
                data = data[:data.rindex(b'\x80')]
            if tag == 0x97:
                le = int.from_bytes(value, 'big') or 256
        return data, le

    def wrap(self, data, sw, odd):
        n, iv = self.count()
        body = b''
        if data:
            hidden = self.s.encrypt(self.enc, self.s.pad(data), iv)
            body = tlv(0x85, hidden) if odd else tlv(0x87, b'\x01', hidden)
        body += tlv(0x99, struct.pack('>H', sw))
        return body + tlv(0x8E, self.seal(n, body))


class Status(Exception):
    def __init__(self, sw):
        super().__init__()
        self.sw = sw


# --- the chip -----------------------------------------------------------------------------------------------------------------

def check(s):
    return str(sum((int(c, 36) if c != '<' else 0) * (7, 3, 1)[i % 3] for i, c in enumerate(s)) % 10)


class Chip:
    def __init__(self, o):
        self.o = o
        number, birth, expiry = 'X00000980', '740812', '340415'
        self.mrzi = (number + check(number) + birth + check(birth) + expiry + check(expiry)).encode()
        line2 = number + check(number) + 'UTO' + birth + check(birth) + 'F' + expiry + check(expiry) + '<' * 14 + '0'
        line2 += check(line2[0:10] + line2[13:20] + line2[21:43])
        self.mrz = ('P<UTO' + 'MAU<<ANNA'.ljust(39, '<') + line2).encode()
        self.suite = Suite(o.cipher)
        self.curve = Curve(CURVES[o.parameter]) if o.access == 'pace' else None
        self.pace_oid = oid('0.4.0.127.0.7.2.2.4.2.' + self.suite.arc)
        self.aa = rsa.generate_private_key(65537, o.aa) if o.aa else None
        self.ca = None
        if o.ca:
            parameter, cipher = o.ca.split(':')
            self.ca_curve, self.ca_suite = Curve(CURVES[int(parameter)]), Suite(cipher)
            self.ca, self.ca_public = self.ca_curve.pair(self.ca_curve.g)
            self.ca_oid = oid('0.4.0.127.0.7.2.2.3.2.' + self.ca_suite.arc)
        self.master, self.files = {}, {}
        self.personalise()
        self.reset()

    def personalise(self):
        infos = b''
        if self.curve:
            info = tlv(0x30, tlv(6, self.pace_oid), integer(2), integer(self.o.parameter))
            self.master[0x011C] = tlv(0x31, info)
            infos += info
        groups = {1: tlv(0x61, tlv(0x5F1F, self.mrz)), 2: portrait(self.o.portrait)}
        if self.ca:
            infos += tlv(0x30, tlv(6, self.ca_oid), integer(1))
            algorithm = tlv(0x30, tlv(6, oid('1.2.840.10045.2.1')), self.ca_curve.explicit)
            info = tlv(0x30, algorithm, tlv(3, b'\0', self.ca_curve.encode(self.ca_public)))
            infos += tlv(0x30, tlv(6, oid('0.4.0.127.0.7.2.2.1.2')), info)
        if infos:
            groups[14] = tlv(0x6E, tlv(0x31, infos))
        if self.aa:
            n = self.aa.public_key().public_numbers()
            key = tlv(0x30, integer(n.n), integer(n.e))
            groups[15] = tlv(0x6F, tlv(0x30, tlv(0x30, tlv(6, oid('1.2.840.113549.1.1.1')), tlv(5)), tlv(3, b'\0', key)))
        tags = {1: 0x61, 2: 0x75, 14: 0x6E, 15: 0x6F}
        self.files[0x011E] = tlv(0x60, tlv(0x5F01, b'0107'), tlv(0x5F36, b'040000'), tlv(0x5C, bytes(tags[n] for n in groups)))
        self.files[0x011D] = tlv(0x77, sod(self.o.out, groups))
        for n, content in groups.items():
            self.files[0x0100 | n] = content
        for fid, content in self.files.items():
            with open(os.path.join(self.o.out, '%04X.bin' % fid), 'wb') as f:
                f.write(content)

    def reset(self):
        self.session, self.application, self.current = None, False, None
        self.challenge, self.step, self.ca_chosen = None, None, False

    def exchange(self, command):
        if len(command) < 4:
            return b'\x67\x00'
        cla, ins, p1, p2 = command[:4]
        body, data, le = command[4:], b'', None
        if len(body) == 1:
            le = body[0] or 256
        elif body:
            if body[0] == 0:
                self.session = None
                return b'\x67\x00'  # extended length is not known here
            data = body[1:1 + body[0]]
            rest = body[1 + body[0]:]
            if len(data) != body[0] or len(rest) > 1:
                return b'\x67\x00'
            if rest:
                le = rest[0] or 256
        if cla & 0xE3:
            return b'\x6E\x00'
        secure = cla & 0x0C == 0x0C
        session = self.session
        try:
            if not secure:
                if session:
                    self.reset_session()
                answer, sw = self.run(cla, ins, p1, p2, data, le)
                return answer + struct.pack('>H', sw)
            if not session:
                return b'\x69\x82'
            data, le = session.unwrap(command[:4], data)
        except Status as s:
            self.reset_session()
            return struct.pack('>H', s.sw)
        except (ValueError, IndexError):
            self.reset_session()
            return b'\x69\x88'
        try:
            answer, sw = self.run(cla & 0xF3, ins, p1, p2, data, le)
        except Status as s:
            answer, sw = b'', s.sw
        except (ValueError, IndexError, TypeError):
            answer, sw = b'', 0x6A80
        return session.wrap(answer, sw, ins & 1) + struct.pack('>H', sw)

    def reset_session(self):
        self.session, self.step, self.ca_chosen = None, None, False

    def run(self, cla, ins, p1, p2, data, le):
        if ins not in (0x86, 0x22):
            self.step, self.ca_chosen = None, False
        if ins == 0xA4:
            return self.select(p1, p2, data)
        if ins == 0xB0:
            return self.read(p1, p2, le)
        if ins == 0x84 and self.o.access == 'bac':
            if le != 8 or not self.application:
                raise Status(0x6700)
            self.challenge = secrets.token_bytes(8)
            return self.challenge, 0x9000
        if ins == 0x82 and self.o.access == 'bac':
            return self.bac(data)
        if ins == 0x22:
            return self.manage(p1, p2, data)
        if ins == 0x86:
            return self.authenticate(cla, data)
        if ins == 0x88 and self.aa:
            return self.active(data)
        raise Status(0x6D00)

    def select(self, p1, p2, data):
        if p2 != 0x0C:
            raise Status(0x6A86)
        if p1 == 4:
            if data != AID:
                raise Status(0x6A82)
            self.application, self.current = True, None
            return b'', 0x9000
        if p1 == 0 and data in (b'', b'\x3F\x00'):
            self.application, self.current = False, None
            return b'', 0x9000
        if p1 != 2 or len(data) != 2:
            raise Status(0x6A86)
        fid = int.from_bytes(data, 'big')
        folder = self.files if self.application else self.master
        if fid not in folder:
            raise Status(0x6A82)
        if self.application and not self.session:
            raise Status(0x6982)
        self.current = folder[fid]
        return b'', 0x9000

    def read(self, p1, p2, le):
        if p1 & 0x80:
            raise Status(0x6A86)
        if self.current is None:
            raise Status(0x6986)
        if self.application and not self.session:
            raise Status(0x6982)
        if le is None:
            raise Status(0x6700)
        offset = p1 << 8 | p2
        if offset >= len(self.current):
            raise Status(0x6B00)
        if self.session:  # what is left of 256 bytes beside the objects around
            le = min(le, 223 if self.session.s.block == 16 else 231)
        return self.current[offset:offset + le], 0x9000

    def bac(self, data):
        suite, challenge = Suite('3DES'), self.challenge
        self.challenge = None
        if challenge is None or len(data) != 40:
            raise Status(0x6985)
        seed = hashlib.sha1(self.mrzi).digest()[:16]
        enc, mac = suite.kdf(seed, 1), suite.kdf(seed, 2)
        if suite.mac(mac, data[:32]) != data[32:]:
            raise Status(0x6300)
        plain = suite.decrypt(enc, data[:32])
        if plain[8:16] != challenge:
            raise Status(0x6300)
        mine = secrets.token_bytes(16)
        answer = suite.encrypt(enc, challenge + plain[:8] + mine)
        self.session = Session(suite, bytes(a ^ b for a, b in zip(mine, plain[16:])), challenge[4:] + plain[4:8])
        return answer + suite.mac(mac, answer), 0x9000

    def manage(self, p1, p2, data):
        self.step, self.ca_chosen = None, False
        if (p1, p2) == (0xC1, 0xA4) and self.curve and not self.session:
            if find(data, 0x80) != self.pace_oid:
                raise Status(0x6A80)
            named = find(data, 0x84)
            if named is not None and int.from_bytes(named, 'big') != self.o.parameter:
                raise Status(0x6A88)
            secret = {b'\x01': hashlib.sha1(self.mrzi).digest(), b'\x02': self.o.can.encode()}.get(find(data, 0x83))
            if secret is None:
                raise Status(0x6A88)
            self.password, self.step = self.suite.kdf(secret, 3), 0
            return b'', 0x9000
        if self.ca and self.session and (p1, p2) == (0x41, 0xA6) and self.ca_suite.name == '3DES':
            self.agree(find(data, 0x91))
            return b'', 0x9000
        if self.ca and self.session and (p1, p2) == (0x41, 0xA4) and self.ca_suite.name != '3DES':
            if find(data, 0x80) != self.ca_oid:
                raise Status(0x6A80)
            self.ca_chosen = True
            return b'', 0x9000
        raise Status(0x6A86)

    def agree(self, public):
        shared = self.ca_curve.mul(self.ca_curve.decode(public), self.ca)
        self.session = Session(self.ca_suite, shared[0].to_bytes(self.ca_curve.size, 'big'))

    def authenticate(self, cla, data):
        tag, value, raw = next(parse(data))
        if tag != 0x7C or raw != data:
            raise Status(0x6A80)
        if self.ca_chosen:
            self.ca_chosen = False
            self.agree(find(value, 0x80))
            return tlv(0x7C), 0x9000
        step, c = self.step, self.curve
        self.step = None
        if step is None or (cla & 0x10 == 0) != (step == 3):
            raise Status(0x6985)
        if step == 0:
            self.nonce = secrets.token_bytes(16)
            answer = tlv(0x80, self.suite.encrypt(self.password, self.nonce))
        elif step == 1:
            theirs = c.decode(find(value, 0x81))
            k, public = c.pair(c.g)
            self.base = c.add(c.mul(c.g, int.from_bytes(self.nonce, 'big')), c.mul(theirs, k))
            answer = tlv(0x82, c.encode(public))
        elif step == 2:
            self.theirs = c.decode(find(value, 0x83))
            k, self.mine = c.pair(self.base)
            self.secret = c.mul(self.theirs, k)[0].to_bytes(c.size, 'big')
            answer = tlv(0x84, c.encode(self.mine))
        else:
            session = Session(self.suite, self.secret)

            def token(q):
                return self.suite.mac(session.mac, tlv(0x7F49, tlv(6, self.pace_oid), tlv(0x86, c.encode(q))))
            if find(value, 0x85) != token(self.mine):
                raise Status(0x6300)
            self.session = session
            return tlv(0x7C, tlv(0x86, token(self.theirs))), 0x9000
        self.step = step + 1
        return tlv(0x7C, answer), 0x9000

    def active(self, data):
        if len(data) != 8 or not self.session:
            raise Status(0x6985)
        n = self.aa.private_numbers()
        size = n.public_numbers.n.bit_length() // 8
        trailer, h = (b'\xBC', hashlib.sha1) if size == 128 else (b'\x34\xCC', hashlib.sha256)
        m1 = secrets.token_bytes(size - 1 - h().digest_size - len(trailer))
        f = b'\x6A' + m1 + h(m1 + data).digest() + trailer
        s = pow(int.from_bytes(f, 'big'), n.d, n.public_numbers.n)
        return s.to_bytes(size, 'big'), 0x9000


def portrait(path):
    picture = b'\xFF\xD8\xFF\xE0' + bytes(range(256)) * 12 + b'\xFF\xD9'
    if path:
        with open(path, 'rb') as f:
            picture = f.read()
    block = struct.pack('>IH', 32 + len(picture), 0) + bytes(14) + bytes([1, 0]) + struct.pack('>HH', 240, 320) + bytes(6) + picture
    record = b'FAC\x00010\x00' + struct.pack('>IH', 14 + len(block), 1) + block
    header = tlv(0xA1, tlv(0x81, b'\x02'), tlv(0x87, b'\x01\x01'), tlv(0x88, b'\x00\x08'))
    return tlv(0x75, tlv(0x7F61, tlv(2, b'\x01'), tlv(0x7F60, header, tlv(0x5F2E, record))))


def sod(out, groups):
    """Signs the LDS security object with openssl: a CSCA on P-384, a signer on P-256."""
    def openssl(*args, **more):
        return subprocess.run(['openssl', *args], check=True, capture_output=True, cwd=out, **more).stdout
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1', '-nodes', '-keyout', 'csca.key', '-out', 'csca.pem',
            '-days', '900', '-subj', '/C=UT/O=Sample/CN=Foreign test CSCA', '-sha384', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
    openssl('x509', '-in', 'csca.pem', '-outform', 'DER', '-out', 'csca.der')
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ds.key', '-out', 'ds.csr',
            '-subj', '/C=UT/O=Sample/CN=Foreign test signer')
    with open(os.path.join(out, 'ds.ext'), 'w') as f:
        f.write('keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n')
    openssl('x509', '-req', '-in', 'ds.csr', '-CA', 'csca.pem', '-CAkey', 'csca.key', '-set_serial', '7', '-days', '800', '-sha384',
            '-extfile', 'ds.ext', '-out', 'ds.pem')
    sha256 = tlv(0x30, tlv(6, oid('2.16.840.1.101.3.4.2.1')), tlv(5))
    hashes = b''.join(tlv(0x30, integer(n), tlv(4, hashlib.sha256(groups[n]).digest())) for n in sorted(groups))
    content = tlv(0x30, integer(0), sha256, tlv(0x30, hashes))
    return openssl('cms', '-sign', '-binary', '-nodetach', '-econtent_type', '2.23.136.1.1.1', '-md', 'sha256', '-nosmimecap',
                   '-signer', 'ds.pem', '-inkey', 'ds.key', '-outform', 'DER', input=content)


def serve(conn, chip):
    def take(n):
        b = b''
        while len(b) < n:
            part = conn.recv(n - len(b))
            if not part:
                sys.exit(0)
            b += part
        return b
    while True:
        message = take(struct.unpack('>H', take(2))[0])
        answer = None
        if len(message) == 1:
            if message[0] == 4:
                answer = bytes.fromhex('3B80800101')
            else:
                chip.reset()
        elif message:
            answer = chip.exchange(message)
        if answer is not None:
            conn.sendall(struct.pack('>H', len(answer)) + answer)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--slot', required=True)
    a.add_argument('--out', required=True)
    a.add_argument('--access', choices=['bac', 'pace'], default='pace')
    a.add_argument('--parameter', type=int, default=13)
    a.add_argument('--cipher', choices=list(Suite.arcs), default='AES128')
    a.add_argument('--can', default='009850')
    a.add_argument('--aa', type=int, default=0)
    a.add_argument('--ca', default='')
    a.add_argument('--portrait', default='')
    o = a.parse_args()
    chip = Chip(o)
    print(chip.mrz.decode(), flush=True)
    if o.slot.startswith('unix:'):
        conn = socket.socket(socket.AF_UNIX)
        conn.connect(o.slot[5:])
    else:
        host, port = o.slot.rsplit(':', 1)
        conn = socket.create_connection((host, int(port)))
    serve(conn, chip)


if __name__ == '__main__':
    main()
