// Writes what OHIF 3.13.2 stores when somebody has drawn on a series: its own exporter, without a browser.
//
//   npm install --legacy-peer-deps --ignore-scripts @cornerstonejs/adapters@5.6.8 @cornerstonejs/core@5.6.8 \
//       @cornerstonejs/tools@5.6.8 @cornerstonejs/metadata@5.6.8 @cornerstonejs/utils@5.6.8 @babel/runtime@7.29.7
//   node export.mjs IMAGE.dcm... --labels labels.bin --segments Spleen,Liver --mode bitmap|labelmap --out out.dcm
//
// The images are those of `ct_headers()` (tests/results/samples.py), the last along the normal first, as OHIF has them:
// of others, this version would give bitmaps the places of other slices. labels.bin has one byte a voxel.
// What OHIF itself adds (commandsModule.ts of its extension for segmentations) is what it says of each segment.
import fs from "node:fs";
import dcmjs from "dcmjs";
const { generateSegmentation } = await import(
    "./node_modules/@cornerstonejs/adapters/dist/esm/adapters/Cornerstone3D/Segmentation/generateSegmentation.js"
);

const { DicomMessage, DicomMetaDictionary, datasetToDict } = dcmjs.data;
const files = [], named = {};
for (let words = process.argv.slice(2); words.length; ) {
    const word = words.shift();
    word.startsWith("--") ? (named[word.slice(2)] = words.shift()) : files.push(word);
}
const images = files.map((file) => {
    const bytes = fs.readFileSync(file);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    return DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(buffer).dict);
});
const OF_STUDY = ["StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "PatientID", "PatientName",
    "PatientBirthDate", "PatientSex"];
const OF_SERIES = ["SeriesInstanceUID", "SeriesNumber", "Modality", "SeriesDescription", "FrameOfReferenceUID"];
const metadata = {
    get(kind, uid) {
        const { PixelData, ...image } = images.find((one) => one.SOPInstanceUID === uid) ?? {};
        const some = (keywords) => Object.fromEntries(keywords.filter((k) => k in image).map((k) => [k, image[k]]));
        const plane = {
            imagePositionPatient: image.ImagePositionPatient,
            imageOrientationPatient: image.ImageOrientationPatient,
        };
        const told = { StudyData: some(OF_STUDY), SeriesData: some(OF_SERIES), ImageData: image, imagePlaneModule: plane };
        return told[kind];
    },
};
const tissue = { CodeValue: "T-D0050", CodingSchemeDesignator: "SRT", CodeMeaning: "Tissue" };
const described = [undefined, ...named.segments.split(",").map((label, index) => ({
    SegmentNumber: String(index + 1),
    SegmentLabel: label,
    SegmentAlgorithmType: "MANUAL",
    SegmentAlgorithmName: "OHIF Brush",
    RecommendedDisplayCIELabValue: [43803, 26565, 37722],
    SegmentedPropertyCategoryCodeSequence: tissue,
    SegmentedPropertyTypeCodeSequence: tissue,
}))];
const drawn = fs.readFileSync(named.labels), size = images[0].Rows * images[0].Columns;
const labelmaps2D = images.map(({ Rows, Columns }, k) => {
    const pixelData = new Uint8Array(drawn.subarray(k * size, (k + 1) * size));
    const segmentsOnLabelmap = [...new Set(pixelData)].filter(Boolean);
    return { segmentsOnLabelmap, pixelData, rows: Rows, columns: Columns };
});
const bitmap = named.mode === "bitmap";
const { dataset } = generateSegmentation(
    images.map((one) => ({ imageId: one.SOPInstanceUID, voxelManager: { getScalarData: () => new Int16Array(size) } })),
    { segmentsOnLabelmap: [1, 2], metadata: described, labelmaps2D },
    metadata,
    {
        SeriesDescription: "Research Derived series",
        SeriesNumber: "99",
        sopClassUID: bitmap ? "1.2.840.10008.5.1.4.1.1.66.4" : "1.2.840.10008.5.1.4.1.1.66.7",
        transferSyntaxUid: bitmap ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2.5",
    },
);
fs.writeFileSync(named.out, Buffer.from(datasetToDict(dataset).write()));
