SELECT 1_000, 0x1_0, 0x1_e, 1_0.5_0, 1e1_0, .5_0, 12_345_678, 0xf_F
SELECT 1__0
SELECT 1_
SELECT 1._0
SELECT 1_.0
SELECT 1e_1
SELECT 0x_1
SELECT 0x1_
SELECT 0x1__1
SELECT 1_0x
SELECT CAST('1_000' AS INTEGER), '1_0' + 1, 1_0 + '1'
SELECT 1 LIMIT 1e30
SELECT 1 LIMIT -1e30
SELECT 1 LIMIT 1.5
SELECT 1 LIMIT 1.0
SELECT 1 LIMIT '1'
SELECT 1 LIMIT '1.0'
SELECT 1 LIMIT '1x'
SELECT 1 LIMIT ' 1 '
SELECT 1 LIMIT NULL
SELECT 1 LIMIT x'31'
SELECT 1 LIMIT 1 OFFSET 1e30
SELECT 1 LIMIT 1 OFFSET NULL
SELECT 1 LIMIT -1 OFFSET -1
SELECT 1 LIMIT 9223372036854775807 OFFSET 0
SELECT 1 LIMIT 9223372036854775808
SELECT 1 LIMIT 1e18
SELECT 1 LIMIT true
SELECT 1 LIMIT (SELECT 1.0)
SELECT 1 LIMIT (SELECT 1 WHERE 0)
SELECT 1 LIMIT 1 + 0.5
SELECT * FROM (VALUES (1), (2), (3)) LIMIT 9223372036854775807 OFFSET 1
SELECT length(replace(hex(zeroblob(1000)), '0', hex(zeroblob(100))))
SELECT length(zeroblob(2000000000)), length(randomblob(2000000000))
SELECT length(printf('%2000000000d', 1))
SELECT length(printf('%99999999999d', 1))
SELECT length(printf('%*d', 2000000000, 1))
SELECT length(printf('%20000d', 1)), length(printf('%-20000s|', 'x')), length(printf('%020000.3f', 1.5))
SELECT length(printf('%.20000f', 1)), length(printf('%.20000e', 1.5)), length(printf('%.20000d', 1)), length(printf('%.20000x', 1)), length(printf('%.20000c', 'x'))
SELECT printf('%-*d|', -5, 1), printf('%*d|', -5, 1), printf('%.*f', -2, 5), printf('%.*s', -2, 'abc'), printf('%4294967297d', 1)
SELECT printf('%.0d', 0), printf('%.d', 5), printf('%.s|', 'abc'), printf('%!.3s', 'äöü😀'), printf('%.2c', '😀')
SELECT printf('%.3f', 2.0005), printf('%.2f', 1.005), printf('%.20f', 0.1), printf('%.25f', 1.0 / 3), printf('%.3f', 1e25), printf('%.0f', 0.5), printf('%.0f', 2.5)
SELECT printf('%.3f', -0.0004), printf('%#.3f', -0.0004), printf('%.1f', 99.95), printf('%.3f', 0.0005), printf('%.3f', 0.00049)
SELECT printf('%.20e', 1.0 / 3), printf('%.20g', 1.0 / 3), printf('%g', 1e-5), printf('%g', 100000), printf('%g', 1000000), printf('%g', 0), printf('%#g', 0), printf('%e', 0)
SELECT printf('%!f', 2), printf('%!g', 3), printf('%!e', 3), printf('%!.0f', 3.2), printf('%#.0f', 3.2), printf('%#.0e', 3.2)
SELECT printf('%05d', -42), printf('%-05d|', -42), printf('%+.3d', 7), printf('%0,10d', 1234567), printf('%,.2f', 1234567.891), printf('%010.2f', -3.14159)
SELECT printf('%#x', 255), printf('%#.6x', 255), printf('%08x', 255), printf('%#o', 8), printf('%.5u', 7), printf('%+u', 1), printf('%5.1q|', 'it''s'), printf('%.3Q', 'it''s')
SELECT round(2.0005, 3), round(1.005, 2), round(0.5), round(2.5), round(-2.5), round(1e20, 2), round(0.285, 2), round(1234.5678, -1)
SELECT substr('aébc😀d', 2, 3), substr('aébc😀d', -2, 1), substr('aébc😀d', -3), substr('aébc😀d', 5, -2), substr('aébc😀d', 0, 3), substr('é', -5, 3)
SELECT trim('éaé', 'é'), ltrim('😀😀x', '😀'), rtrim('x😀😀', '😀'), trim(' x '), trim('aaa', 'a'), ltrim('aaa', 'a')
SELECT unhex('41 42', ' '), unhex('4 1', ' '), unhex('zz'), unhex(''), unhex('4'), hex('é'), quote(x'00ff'), hex(x'')
SELECT 76.965943097845909 || '', 0.1 + 0.2 || '', 53.6637352919302 || '', 1.606693056425812 || '', 3.68252940520951e-7 || ''
SELECT 43004424573911900.0 || '', 404157194730983000.0 || '', -3.11739124182246e-17 || '', 1e23 || '', 9007199254740993.0 || ''
SELECT quote(1/3.0), json_array(2/3.0, 1e22, 0.1), CAST(100.0/7 AS TEXT), length(1e15/7), hex(1.0/49)
SELECT 1.7976931348623157e308 || '', 5e-324 || '', 2.2250738585072014e-308 || '', 4.35 || '', 0.999999999999999 || '', 0.9999999999999999 || ''
SELECT 99999999999999.98 || '', 999999999999999.9 || '', 9999999999999998.0 || '', 99999999999999990.0 || '', 99999999999999984.0 || ''
SELECT -0.0 || '', quote(-0.0), CAST(-0.0 AS TEXT), json_array(0.0 * -1), 0.0 * -1, round(-0.4), abs(-0.0)
