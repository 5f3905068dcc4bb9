#!/bin/sh
# The tables of docs/classifiers.md: sh benchmarks/classifier_tables.sh DATA OUT, about 40 processor minutes on one thread.
# DATA holds mitocheck_crops and jurkat_crops; OUT gets a file of rows a data set, to which a further call adds.
set -eu
data=$1 out=$2
mkdir -p "$out"
export OMP_NUM_THREADS=1
rows() {
    set_=$1
    shift
    nice -n 15 "${PYTHON:-python}" benchmarks/classifiers.py "$data/$set_" --out "$out/$set_.jsonl" "$@"
}
for each in ${SETS:-jurkat_crops mitocheck_crops}; do
    rows "$each" --recipes logistic svm naive-bayes random-forest
    rows "$each" --recipes best fast --set epochs=24
    rows "$each" --recipes lipnet-1 lipnet-2 lipnet-4 lipnet-4c lipnet-6 --set epochs=10
    rows "$each" --recipes cellcycle --set epochs=3
    rows "$each" --recipes sequential --set epochs=1 --set epoch_steps=0
    # These want a GPU and published weights: here they only show that they run, and what a crop costs.
    rows "$each" --recipes hescnet vgg16 vgg19 resnet50 resnet101 densenet121 xception nasnet efficientnet \
        --set size=64 --set epochs=1 --crops 160
    rows "$each" --recipes inception-v3 inception-v4 --set size=75 --set epochs=1 --crops 160
    "${PYTHON:-python}" benchmarks/classifiers.py --table "$out/$each.jsonl"
done
nice -n 15 "${PYTHON:-python}" benchmarks/imbalance.py "$data/mitocheck_crops" --common Interphase --rare Prometaphase
