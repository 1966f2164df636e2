package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func emitTables(f *jen.File, d *ir.Document) {
	emitTableTypes(f)
	emitStructTable(f, d.Structs)
	emitSegmentTable(f, d.Segments)
	emitSemaphoreTable(f, d.Semaphores)
}

func emitTableTypes(f *jen.File) {
	// // StructInfo describes a struct for tools.
	// type StructInfo struct {
	// 	Name, Protocol string
	// 	Size uint64
	// 	Doc string
	// 	Fields []FieldInfo
	// }
	comment(f, "StructInfo describes a struct for tools. Protocol is empty when several protocols use it.")
	f.Type().Id("StructInfo").Struct(
		jen.List(jen.Id("Name"), jen.Id("Protocol")).String(), jen.Id("Size").Uint64(), jen.Id("Doc").String(),
		jen.Id("Fields").Index().Id("FieldInfo"))

	// // FieldInfo describes a field; offset and width are in bytes.
	// type FieldInfo struct {
	// 	Name string
	// 	Offset, Width uint64
	// 	Type string
	// 	Count uint64
	// 	Unit, Doc string
	// }
	comment(f, "FieldInfo describes a field; Offset and Width are in bytes. Count is 0 for a field that is no array.")
	f.Type().Id("FieldInfo").Struct(
		jen.Id("Name").String(), jen.List(jen.Id("Offset"), jen.Id("Width")).Uint64(), jen.Id("Type").String(),
		jen.Id("Count").Uint64(), jen.List(jen.Id("Unit"), jen.Id("Doc")).String())

	// // SegmentInfo describes a segment.
	// type SegmentInfo struct {
	// 	Name, Protocol string
	// 	Alignment uint64
	// 	Doc string
	// 	Regions []RegionInfo
	// }
	comment(f, "SegmentInfo describes a segment; Alignment is in bytes.")
	f.Type().Id("SegmentInfo").Struct(
		jen.List(jen.Id("Name"), jen.Id("Protocol")).String(), jen.Id("Alignment").Uint64(), jen.Id("Doc").String(),
		jen.Id("Regions").Index().Id("RegionInfo"))

	// // RegionInfo describes a region: Struct is the struct it holds, else SizedBy names the size that decides it.
	// type RegionInfo struct{ Name, Struct, SizedBy, Doc string }
	comment(f, "RegionInfo describes a region: Struct is the struct it holds, else SizedBy names the size that decides it.")
	f.Type().Id("RegionInfo").Struct(jen.List(jen.Id("Name"), jen.Id("Struct"), jen.Id("SizedBy"), jen.Id("Doc")).String())

	// // SemaphoreInfo describes a named semaphore.
	// type SemaphoreInfo struct {
	// 	Name, Protocol, Template string
	// 	Initial uint32
	// 	PostedBy, WaitedBy, Doc string
	// }
	comment(f, "SemaphoreInfo describes a named semaphore; Template has {name} for the channel's name.")
	f.Type().Id("SemaphoreInfo").Struct(
		jen.List(jen.Id("Name"), jen.Id("Protocol"), jen.Id("Template")).String(), jen.Id("Initial").Uint32(),
		jen.List(jen.Id("PostedBy"), jen.Id("WaitedBy"), jen.Id("Doc")).String())
}

func emitStructTable(f *jen.File, structs []ir.Struct) {
	// // Structs describes every struct.
	// var Structs = []StructInfo{
	// 	{
	// 		Name: "oieb_v2", …
	// 		Fields: []FieldInfo{
	// 			{Name: "oieb_size", Offset: 0x00, Width: 4, …},
	// 		},
	// 	},
	// }
	comment(f, "Structs describes every struct.")
	f.Var().Id("Structs").Op("=").Index().Id("StructInfo").CustomFunc(lines, func(g *jen.Group) {
		for _, s := range structs {
			g.Custom(lines, text("Name", s.Name), text("Protocol", s.Protocol), key("Size", decimal(s.Size)), text("Doc", s.Doc),
				key("Fields", jen.Index().Id("FieldInfo").CustomFunc(lines, func(g *jen.Group) {
					for _, field := range s.Fields {
						g.Values(text("Name", field.Name), key("Offset", hex(field.Offset)), key("Width", decimal(field.Width)),
							text("Type", string(field.Type)), key("Count", decimal(field.Count)), text("Unit", field.Unit), text("Doc", field.Doc))
					}
				})))
		}
	})
}

func emitSegmentTable(f *jen.File, segments []ir.Segment) {
	// // Segments describes every segment.
	// var Segments = []SegmentInfo{
	// 	{
	// 		Name: "v2", …
	// 		Regions: []RegionInfo{
	// 			{Name: "payload", Struct: "", SizedBy: "payload", Doc: "…"},
	// 		},
	// 	},
	// }
	comment(f, "Segments describes every segment.")
	f.Var().Id("Segments").Op("=").Index().Id("SegmentInfo").CustomFunc(lines, func(g *jen.Group) {
		for _, s := range segments {
			g.Custom(lines, text("Name", s.Name), text("Protocol", s.Protocol), key("Alignment", decimal(s.Alignment)), text("Doc", s.Doc),
				key("Regions", jen.Index().Id("RegionInfo").CustomFunc(lines, func(g *jen.Group) {
					for _, r := range s.Regions {
						g.Values(text("Name", r.Name), text("Struct", r.Struct), text("SizedBy", r.Input), text("Doc", r.Doc))
					}
				})))
		}
	})
}

func emitSemaphoreTable(f *jen.File, semaphores []ir.Semaphore) {
	// // Semaphores describes every named semaphore.
	// var Semaphores = []SemaphoreInfo{
	// 	{Name: "request_ready", Protocol: "v2", Template: "sem-request-ready-{name}", …},
	// }
	comment(f, "Semaphores describes every named semaphore.")
	f.Var().Id("Semaphores").Op("=").Index().Id("SemaphoreInfo").CustomFunc(lines, func(g *jen.Group) {
		for _, s := range semaphores {
			g.Values(text("Name", s.Name), text("Protocol", s.Protocol), text("Template", s.Template.Text), key("Initial", decimal(s.Initial)),
				text("PostedBy", s.PostedBy), text("WaitedBy", s.WaitedBy), text("Doc", s.Doc))
		}
	})
}

func text(name, value string) *jen.Statement { return key(name, jen.Lit(value)) }

func key(name string, value jen.Code) *jen.Statement { return jen.Id(name).Op(":").Add(value) }
