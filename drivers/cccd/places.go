package cccd

import (
	"strings"
	"sync"
)

// provinces are the first three digits of numbers registered in Viet Nam: the 63
// provinces before the merger of 2025, which numbers keep (Thông tư 07/2016/TT-BCA,
// annex 1). Codes given to births after the merger are not known.
const provinces = `
001 Hà Nội
002 Hà Giang
004 Cao Bằng
006 Bắc Kạn
008 Tuyên Quang
010 Lào Cai
011 Điện Biên
012 Lai Châu
014 Sơn La
015 Yên Bái
017 Hòa Bình
019 Thái Nguyên
020 Lạng Sơn
022 Quảng Ninh
024 Bắc Giang
025 Phú Thọ
026 Vĩnh Phúc
027 Bắc Ninh
030 Hải Dương
031 Hải Phòng
033 Hưng Yên
034 Thái Bình
035 Hà Nam
036 Nam Định
037 Ninh Bình
038 Thanh Hóa
040 Nghệ An
042 Hà Tĩnh
044 Quảng Bình
045 Quảng Trị
046 Thừa Thiên Huế
048 Đà Nẵng
049 Quảng Nam
051 Quảng Ngãi
052 Bình Định
054 Phú Yên
056 Khánh Hòa
058 Ninh Thuận
060 Bình Thuận
062 Kon Tum
064 Gia Lai
066 Đắk Lắk
067 Đắk Nông
068 Lâm Đồng
070 Bình Phước
072 Tây Ninh
074 Bình Dương
075 Đồng Nai
077 Bà Rịa – Vũng Tàu
079 TP Hồ Chí Minh
080 Long An
082 Tiền Giang
083 Bến Tre
084 Trà Vinh
086 Vĩnh Long
087 Đồng Tháp
089 An Giang
091 Kiên Giang
092 Cần Thơ
093 Hậu Giang
094 Sóc Trăng
095 Bạc Liêu
096 Cà Mau
`

// countries are the first three digits of numbers of people registered abroad
// (the same Thông tư, annex 2, in a hand-collected copy: for display only).
const countries = `
101 Afghanistan
102 Ai Cập
103 Albania
104 Algérie
105 Andorra
106 Angola
107 Vương quốc Liên hiệp Anh và Bắc Ireland
108 Antigua và Barbuda
109 Áo
110 Ả Rập Saudi
111 Argentina
112 Armenia
113 Azerbaijan
114 Cộng hòa Azerbaijan
115 Cộng hòa Ấn Độ
116 Bahamas
117 Bahrain
118 Ba Lan
119 Bangladesh
120 Barbados
121 Belarus
122 Belize
123 Benin
124 Bhutan
125 Bỉ
126 Bolivia
127 Bosna và Hercegovina
128 Botswana
129 Bồ Đào Nha
130 Bờ Biển Ngà
131 Brasil
132 Brunei
133 Bulgaria
134 Burkina Faso
135 Burundi
136 Cabo Verde
137 Các Tiểu Vương quốc Ả Rập Thống nhất
138 Cameroon
139 Campuchia
140 Canada
141 Chile
142 Colombia
143 Comoros
144 Cộng hòa Congo
145 Cộng hòa Dân chủ Congo
146 Costa Rica
147 Croatia
148 Cộng hòa Croatia
149 Cuba
150 Djibouti
151 Dominica
152 Cộng hòa Dominicana
153 Đan Mạch
154 Đông Timor
155 Đức
156 Ecuador
157 El Salvador
158 Eritrea
159 Estonia
160 Ethiopia
161 Fiji
162 Gabon
163 Gambia
164 Ghana
165 Grenada
166 Gruzia
167 Guatemala
168 Guinea-Bissau
169 Guinea Xích Đạo
170 Guinea
171 Guyana
172 Haiti
173 Hà Lan
174 Hàn Quốc
175 Hoa Kỳ
176 Honduras
177 Hungary
178 Hy Lạp
179 Iceland
180 Indonesia
181 Iran
182 Iraq
183 Ireland
184 Israel
185 Jamaica
186 Jordan
187 Kazakhstan
188 Kenya
189 Kiribati
190 Kuwait
191 Síp
192 Kyrgyzstan
193 Lào
194 Latvia
195 Lesotho
196 Li ban
197 Liberia
198 Libya
199 Liechtenstein
200 Litva
201 Luxembourg
202 Macedonia
203 Madagascar
204 Malawi
205 Malaysia
206 Maldives
207 Mali
208 Malta
209 Maroc
210 Quần đảo Marshall
211 Mauritanie
212 Mauritius
213 Mexico
214 Micronesia
215 Moldova
216 Monaco
217 Mông Cổ
218 Montenegro
219 Mozambique
220 Myanma
221 Namibia
222 Nam Sudan
223 Nam Phi
224 Nauru
225 Na Uy
226 Nepal
227 New Zealand
228 Nicaragua
229 Niger
230 Nigeria
231 Nga
232 Nhật Bản
233 Oman
234 Pakistan
235 Palau
236 Panama
237 Papua New Guinea
238 Paraguay
239 Peru
240 Pháp
241 Phần Lan
242 Philippines
243 Qatar
244 Romania
245 Rwanda
246 Saint Kitts và Nevis
247 Saint Lucia
248 Saint Vincent và Grenadines
249 Samoa
250 San Marino
251 São Tomé và Príncipe
252 Séc
253 Sénégal
254 Serbia
255 Seychelles
256 Sierra Leone
257 Singapore
258 Slovakia
259 Slovenia
260 Solomon
261 Somalia
262 Sri Lanka
263 Sudan
264 Suriname
265 Swaziland
266 Syria
267 Tajikistan
268 Tanzania
269 Tây Ban Nha
270 Tchad
271 Thái Lan
272 Thổ Nhĩ Kỳ
273 Thụy Điển
274 Thụy Sĩ
275 Togo
276 Tonga
277 Triều Tiên
278 Trinidad và Tobago
279 Trung Quốc
280 Trung Phi
281 Tunisia
282 Turkmenistan
283 Tuvalu
284 Úc
285 Uganda
286 Ukraina
287 Uruguay
288 Uzbekistan
289 Vanuatu
290 Thành Vatican/Tòa Thánh
291 Venezuela
292 Ý
293 Yemen
294 Zambia
295 Zimbabwe
`

var placeNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(provinces + countries) {
		if code, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			names[code] = name
		}
	}
	return names
})

// PlaceName returns the province or country that a number's first three digits
// mean, in Vietnamese.
func PlaceName(code string) (name string, known bool) {
	name, known = placeNames()[code]
	return name, known
}
